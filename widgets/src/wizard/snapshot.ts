// What the kernel tells a wizard. Columns and rows are asked for: they would be too much to keep.

export const STEPS = ["data", "make", "columns", "output", "review"] as const;
export type Step = (typeof STEPS)[number];

export interface Problem {
  field: string; // wire name, dotted for a parameter
  words: string;
}

export interface Table {
  label: string;
  rows?: number;
  exact?: boolean;
  size?: number;
  columns?: number;
  notes?: string[];
}

export interface Estimate {
  trouble?: string; // why there is none
  rows: number;
  bytesLow: number;
  bytesHigh: number;
  secondsLow: number;
  secondsHigh: number;
  basis: "measured" | "prior";
  jobs: number;
  cost?: number;
}

export interface Limits {
  currentJobs: number;
  maxJobs: number;
  waitingJobs: number;
  maxWaiting: number;
  allowed: boolean;
  startsAtOnce: boolean;
  cooldownUntil?: string;
  storageUsed: number;
  storageQuota?: number;
  reason?: string;
}

export interface Snapshot {
  step: Step;
  config: Record<string, unknown> & { parameters: Record<string, unknown> };
  output: string;
  sharesFiles: boolean;
  choices: { dataType: string[]; preset: string[] }; // what this version can make, and how
  problems: Problem[];
  revision: number; // counts the looks at the table
  looking: string;
  trouble: string;
  table?: Table;
  code?: string;
  estimate?: Estimate;
  job?: string;
  alone?: boolean; // nothing shows below the face
}

export type Change = Record<string, unknown>;

/** The step in which a field is chosen. */
export function stepOf(field: string): Step {
  if (["inputPath", "inputBucket", "inputFormat"].includes(field)) return "data";
  if (/^parameters\.(encoding|delimiter|badLines)$/.test(field)) return "data";
  if (field === "parameters.columns") return "columns";
  if (field === "dataSize" || field === "dataType" || field.startsWith("parameters")) return "make";
  return "output";
}

/** The first step that something is wrong in; later ones wait for it. */
export function blocked(snapshot: Snapshot): Step | null {
  if (!snapshot.table || snapshot.looking || snapshot.trouble) return "data";
  const steps = snapshot.problems.map(({ field }) => stepOf(field));
  return STEPS.find((step) => steps.includes(step)) ?? null;
}

export const wrong = (snapshot: Snapshot, field: string): string =>
  snapshot.problems.find((problem) => problem.field === field)?.words ?? "";
