// What the kernel tells a history: one page of jobs, and how many there are.

import type { State } from "../snapshot";

export interface Row {
  id: string;
  status: State;
  progress: number;
  name: string;
  tags: string[];
  note: string;
  rows: number;
  created: string;
  ended?: string;
  took?: number; // s
  size?: number; // bytes
  place?: number;
  startsAfter?: string;
  stage?: string;
  expires?: string;
}

export type Sort = "created" | "ended" | "name" | "rows" | "size" | "status" | "took";

export interface Snapshot {
  rows: Row[];
  counts: Partial<Record<State, number>>;
  total: number; // of the states that are shown
  first: number; // jobs before this page
  more: boolean;
  query: { status: State[]; text: string; period: string; sort: Sort; order: "asc" | "desc" };
  selected: string[];
  trouble: string;
}

export interface Column {
  key: string;
  words: string;
  sort?: Sort;
  number?: boolean;
  width: number; // px, at first
  takesTheRest?: boolean; // of the table's width, and may be narrower, until one chooses a width
  hidden?: boolean; // at first
}

export const COLUMNS: Column[] = [
  { key: "status", words: "Status", sort: "status", width: 150 },
  { key: "name", words: "Name", sort: "name", width: 140, takesTheRest: true },
  { key: "rows", words: "Rows", sort: "rows", number: true, width: 95 },
  { key: "created", words: "Started", sort: "created", width: 110 },
  { key: "took", words: "Took", sort: "took", number: true, width: 70 },
  { key: "size", words: "Size", sort: "size", number: true, width: 92 },
  { key: "ended", words: "Ended", sort: "ended", width: 105, hidden: true },
  { key: "note", words: "Note", width: 180, hidden: true },
  { key: "expires", words: "Expires", width: 90, hidden: true },
  { key: "id", words: "Id", width: 170, hidden: true },
];
