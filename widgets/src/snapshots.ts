// Made from datagen_nb/ui/snapshots.py by `make golden`; do not edit.

export interface CardSnapshot {
  status: JobStatus;
  title: string;
  format: string;
  outputPath?: string;
  cooldownUntil?: string;
  source: string;
  seed: number;
  parameters: string;
  timeout: number;
  report?: ReportSummary;
  modelSize?: number;
  reruns?: string[];
  trouble?: string;
}

export interface ComparedColumn {
  name: string;
  nulls: number[];
  distinct: number[];
  distance?: number;
}

export interface ComparisonSnapshot {
  titles: string[];
  columns: ComparedColumn[];
  leftOut: number;
  isCounting: boolean;
  trouble: string;
}

export interface DashboardAlert {
  id: string;
  severity: "warning" | "critical";
  message: string;
  raisedTime: string;
  acknowledgedTime?: string;
}

export interface DashboardFacts {
  days: number;
  sums: DashboardSums;
  failed?: DashboardFailure;
  limits: RateLimitStatus;
  health: DashboardHealth;
  alerts: DashboardAlert[];
  webhooks: DashboardWebhook[];
  recent: DashboardJob[];
}

export interface DashboardFailure {
  id: string;
  status: State;
  name: string;
  rows: number;
  created: string;
  started?: string;
  ended?: string;
  words: string;
}

export interface DashboardHealth {
  status: "healthy" | "degraded" | "unhealthy";
  message?: string;
  version: string;
}

export interface DashboardJob {
  id: string;
  status: State;
  name: string;
  rows: number;
  created: string;
  started?: string;
  ended?: string;
}

export interface DashboardSums {
  ended: Partial<Record<State, number>>;
  rows: number;
  successShare?: number;
  medianSeconds?: number;
  p95Seconds?: number;
  retentionDays: number;
  nextDeletion?: string;
  expiring: Expiring[];
}

export interface DashboardWebhook {
  id: string;
  host: string;
  enabled: boolean;
  failingSince?: string;
  reason?: string;
  outcomes: Record<string, number>;
}

export interface Estimate {
  rows: number;
  bytesLow: number;
  bytesHigh: number;
  secondsLow: number;
  secondsHigh: number;
  basis: "measured" | "prior";
  jobs: number;
  inputRows: number;
  inputColumns: number;
  cost?: number;
  actualBytes?: number;
  actualSeconds?: number;
  holds?: boolean;
  warnings: EstimateWarning[];
}

export interface EstimateWarning {
  code: "longer_than_timeout" | "larger_than_disk" | "larger_than_quota";
  message: string;
  remedy: string;
  certain: boolean;
  field?: "timeout" | "dataSize";
  value?: number;
}

export interface Expiring {
  days: number;
  jobs: number;
  size: number;
}

export interface FormatChoice {
  name: string;
  label: string;
  isText: boolean;
  endings: string[];
}

export interface HistoryQuery {
  status: State[];
  text: string;
  period: "all" | "today" | "7" | "30" | "range";
  sort: "created" | "ended" | "name" | "rows" | "size" | "status" | "took";
  order: "desc" | "asc";
}

export interface HistoryRow {
  id: string;
  status: State;
  progress: number;
  name: string;
  tags: string[];
  note: string;
  rows: number;
  created: string;
  ended?: string;
  took?: number;
  size?: number;
  fidelity?: number;
  source?: string;
  place?: number;
  startsAfter?: string;
  stage?: string;
  expires?: string;
}

export interface HistorySnapshot {
  rows: HistoryRow[];
  counts: Partial<Record<State, number>>;
  total: number;
  first: number;
  more: boolean;
  query: HistoryQuery;
  selected: string[];
  trouble: string;
}

export interface JobFailure {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}

export interface JobStatus {
  jobId: string;
  status: State;
  progress: number;
  startTime: string;
  endTime?: string;
  lastUpdated: string;
  error?: JobFailure;
  stages: Stage[];
  metadata: Metadata;
  name: string;
  tags: string[];
  createdTime: string;
  dataSize: number;
  inputBucket: string;
  inputPath: string;
  rowsDone: number;
  rowsPerSecond?: number;
  secondsLeft?: number;
  attempt: number;
  resumeUntil?: string;
  queuePosition?: number;
  waitingFor: string[];
  startsAfter?: string;
  warnings: string[];
  note: string;
  estimate?: Estimate;
  requestId?: string;
}

export interface KindChoice {
  name: string;
  label: string;
}

export interface Metadata {
  inputSize: number;
  outputSize?: number;
  processingTime?: number;
  retryCount: number;
  expirationDate?: string;
  fidelity?: number;
  pipeline?: string;
}

export interface RateLimitStatus {
  currentJobs: number;
  maxJobs: number;
  cooldownPeriod: number;
  allowed: boolean;
  startsAtOnce: boolean;
  waitingJobs: number;
  maxWaiting: number;
  cooldownLeft: number;
  cooldownUntil?: string;
  storageUsed: number;
  storageQuota?: number;
  reason?: string;
}

export interface ReportSummary {
  fidelity: number;
  privacy: string;
  level: "ok" | "caution" | "bad" | "unknown";
}

export interface Stage {
  name: string;
  status: "pending" | "running" | "completed" | "failed";
  startTime?: string;
  endTime?: string;
  progress?: number;
  weight: number;
}

export type State = "queued" | "running" | "completed" | "failed" | "cancelled" | "paused";

export interface WizardChoices {
  dataType: string[];
  preset: string[];
  columnKind: KindChoice[];
  inputFormat: FormatChoice[];
  outputFormat: FormatChoice[];
}

export interface WizardProblem {
  field: string;
  words: string;
}

export interface WizardSnapshot {
  step: "data" | "make" | "columns" | "output" | "review";
  config: Record<string, unknown>;
  output: string;
  sharesFiles: boolean;
  choices: WizardChoices;
  problems: WizardProblem[];
  revision: number;
  inspecting: string;
  trouble: string;
  table?: WizardTable;
  code?: string;
  estimate?: Estimate;
  estimateTrouble?: string;
  job?: string;
  alone?: boolean;
}

export interface WizardTable {
  label: string;
  rows?: number;
  exact?: boolean;
  lookedAt?: number;
  size?: number;
  columns?: number;
  notes?: string[];
}
