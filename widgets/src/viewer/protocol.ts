// What the kernel sends the viewer, and what the viewer asks of it.

export const TIMEOUT_MS = 120_000;
export const QUIET = { quiet: true, timeout: TIMEOUT_MS };

export interface Column {
  index: number; // its place in the table
  name: string;
  type: string; // of Arrow, as it is shown
  kind: "number" | "text" | "boolean" | "date" | "datetime" | "time" | "other";
  isNumber: boolean; // painted at the right
  width: number; // px
}

/** The columns as they are sent, once: ten thousand of them are some 200 kB. */
export interface SentColumns {
  types: Pick<Column, "type" | "kind" | "isNumber">[]; // each once
  columns: [name: string, type: number, width: number][]; // a type by its place above
}

export const columnsOf = ({ types, columns }: SentColumns): Column[] =>
  columns.map(([name, type, width], index) => ({
    index,
    name,
    width,
    ...(types[type] as SentColumns["types"][number]),
  }));

export interface Sort {
  column: number;
  descending: boolean;
  nulls?: "first" | "last";
}

/** A column at a glance; what is empty is not sent. */
export interface Profile {
  nulls: number;
  rows: number; // that were profiled
  distinct?: number; // about
  edges?: string[]; // of a number or a date, the ends of the ranges in which it is counted, as a filter takes them
  counts?: number[]; // rows in each range, one less than there are ends
  top?: { value: string | null; rows: number }[]; // of anything else, the most frequent first
}

/** Which rows are kept; values are texts as cells show them, read by the column's type in the kernel. */
export type Condition =
  | { kind: "compare"; column: number; operator: "=" | "!=" | "<" | "<=" | ">" | ">="; value: string }
  | {
      kind: "text";
      column: number;
      operator: "contains" | "starts_with" | "ends_with" | "matches";
      value: string;
      ignoreCase?: boolean;
    }
  | { kind: "range"; column: number; low: string | null; high: string | null; includesHigh?: boolean }
  | { kind: "one_of"; column: number; values: (string | null)[] }
  | { kind: "is_null"; column: number }
  | { kind: "and" | "or"; conditions: Condition[] }
  | { kind: "not"; condition: Condition };

export interface Axis {
  column: string;
  kind: "range" | "time" | "value";
  labels: string[]; // of ranges their ends, one more than there are
}

export interface Counts {
  x: Axis;
  y: Axis | null;
  series: number[][][]; // of each table, at each place of x, at each place of y: rows
}

export interface Distinct {
  values: { value: string | null; rows: number }[];
  more: boolean;
}

/** How the cells of a column are written; the kernel does it. */
export interface Format {
  column: number;
  style: "plain" | "thousands" | "percent" | "currency" | "date" | "long_date" | "month" | "time";
  decimals?: number | null;
  currency?: string;
  fill?: "none" | "bar" | "scale"; // by where a number stands in its column
}

export interface Query {
  filter: Condition | null;
  sorts: Sort[]; // the first one counts most
  search: string;
  formats: Format[];
}

export interface Snapshot {
  title: string; // what is viewed, in words
  schema: number; // counts the tables that were read: with another one, columns are others
  columnCount: number;
  totalRows: number;
  rows: number; // of the view
  epoch: number; // of the view
  query: Query;
  isPartial: boolean; // these are the first rows of a file
  isReading: boolean; // the others are read
  isCounting: boolean; // of `rows`, which grows
  exportFormats: ExportFormat[]; // none where rows cannot be exported
  stale: string; // why what is shown may be no more, as a sentence
}

export interface Matches {
  count: number;
  isComplete: boolean;
  row?: number; // of the view, of the match that was gone to
  column?: number;
}

export type ExportFormat = "csv" | "parquet" | "json" | "jsonl" | "xlsx";

export interface ExportProgress {
  rows: number;
  path?: string; // when it is done
}
