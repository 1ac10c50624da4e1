// What the viewer loads when a reader opens it: see `viewer/later.ts`.

export { ChartPanel } from "./viewer/charts";
export { ColumnPanel } from "./viewer/columns";
export { Detail } from "./viewer/detail";
export { Export } from "./viewer/export";
export { FilterEditor } from "./viewer/filters";
export { FormatEditor } from "./viewer/formats";
