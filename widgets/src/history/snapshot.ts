// What the kernel sends a history: one page of jobs, and how many there are.

import type { HistoryQuery } from "../snapshots";

export type { HistoryRow as Row, HistorySnapshot as Snapshot } from "../snapshots";

export type Sort = HistoryQuery["sort"];

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
  { key: "status", words: "Status", sort: "status", width: 164 },
  { key: "name", words: "Name", sort: "name", width: 140, takesTheRest: true },
  { key: "rows", words: "Rows", sort: "rows", number: true, width: 124 },
  { key: "created", words: "Submitted", sort: "created", width: 118 },
  { key: "took", words: "Took", sort: "took", number: true, width: 70 },
  { key: "size", words: "Size", sort: "size", number: true, width: 92 },
  { key: "fidelity", words: "Fidelity", number: true, width: 84 },
  { key: "source", words: "Source", width: 180, hidden: true },
  { key: "ended", words: "Ended", sort: "ended", width: 118, hidden: true },
  { key: "note", words: "Note", width: 180, hidden: true },
  { key: "expires", words: "Expires", width: 90, hidden: true },
  { key: "id", words: "Id", width: 170, hidden: true },
];
