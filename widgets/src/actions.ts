// Made from the actions of datagen_nb/ui by `make golden`; do not edit.

import type { State } from "./snapshots";

export interface CardActions {
  cancel: Record<string, never>;
  pause: Record<string, never>;
  resume: Record<string, never>;
  rerun: Record<string, never>;
  view: Record<string, never>;
  report: Record<string, never>;
  close: Record<string, never>;
  edit: CardEdit;
  logs: CardLogs;
  download: CardFile;
  save: CardFile;
  chunk: CardChunk;
}

export interface CardChunk {
  file: "result" | "model";
  start: number;
}

export interface CardEdit {
  field?: "timeout" | "dataSize" | null;
  value?: number | null;
}

export interface CardFile {
  file: "result" | "model";
}

export interface CardLogs {
  after?: number;
}

export interface DashboardAcknowledge {
  id: string;
}

export interface DashboardActions {
  close: Record<string, never>;
  days: DashboardDays;
  open: DashboardOpen;
  acknowledge: DashboardAcknowledge;
}

export interface DashboardDays {
  days: number;
}

export interface DashboardOpen {
  id: string;
}

export interface DraftChanges {
  dataSize?: boolean | number | string | null;
  dataType?: boolean | number | string | null;
  inputFormat?: boolean | number | string | null;
  outputFormat?: boolean | number | string | null;
  name?: boolean | number | string | null;
  tags?: string[] | null;
  timeout?: boolean | number | string | null;
  resumeWindow?: boolean | number | string | null;
  overwrite?: boolean | number | string | null;
  parameters?: Record<string, boolean | number | string | null>;
}

export interface HistoryActions {
  everything: Record<string, never>;
  next: Record<string, never>;
  previous: Record<string, never>;
  close: Record<string, never>;
  status: HistoryStates;
  text: HistoryText;
  period: HistoryPeriod;
  sort: HistorySort;
  select: HistorySelect;
  cancel: HistoryEnd;
  delete: HistoryEnd;
  pause: HistoryJob;
  resume: HistoryJob;
  rerun: HistoryJob;
  note: HistoryJob;
  open: HistoryJob;
  view: HistoryJob;
  report: HistoryJob;
  annotate: HistoryAnnotate;
}

export interface HistoryAnnotate {
  id: string;
  tags: string[];
  note: string;
}

export interface HistoryEnd {
  ids: string[];
}

export interface HistoryJob {
  id: string;
}

export interface HistoryPeriod {
  period: "all" | "today" | "7" | "30" | "range";
  since?: string | null;
  until?: string | null;
}

export interface HistorySelect {
  ids: string[];
}

export interface HistorySort {
  by: "created" | "ended" | "name" | "rows" | "size" | "status" | "took";
  order: "desc" | "asc";
}

export interface HistoryStates {
  states: State[];
}

export interface HistoryText {
  text: string;
}

export interface WizardActions {
  candidates: Record<string, never>;
  preview: Record<string, never>;
  stop: Record<string, never>;
  limits: Record<string, never>;
  submit: Record<string, never>;
  step: WizardStep;
  edit: WizardEdit;
  output: WizardOutput;
  column: WizardColumn;
  columns: WizardColumns;
  path: WizardPath;
  frame: WizardFrame;
  begin: WizardBegin;
  chunk: WizardChunk;
}

export interface WizardBegin {
  name: string;
  size: number;
  digest: string;
}

export interface WizardChunk {
  offset: number;
}

export interface WizardColumn {
  name: string;
  kind: string | null;
}

export interface WizardColumns {
  start: number;
  search: string;
}

export interface WizardEdit {
  changes: DraftChanges;
}

export interface WizardFrame {
  name: string;
}

export interface WizardOutput {
  path: string;
}

export interface WizardPath {
  path: string;
}

export interface WizardStep {
  to: "data" | "make" | "columns" | "output" | "review";
}
