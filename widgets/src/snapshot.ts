// What the kernel tells a card: the one trait that it writes, whole each time.

export type State = "queued" | "running" | "completed" | "failed" | "cancelled" | "paused";

export interface Stage {
  name: string;
  status: "pending" | "running" | "completed" | "failed";
  startTime?: string;
  endTime?: string;
  progress?: number;
  weight: number;
}

export interface JobStatus {
  jobId: string;
  status: State;
  progress: number;
  startTime: string;
  endTime?: string;
  lastUpdated: string;
  error?: {
    code: string;
    message: string;
    details?: { stage?: string; remedy?: string; retryHelps?: boolean };
  };
  stages: Stage[];
  metadata: { outputSize?: number; processingTime?: number; retryCount: number; expirationDate?: string };
  name: string;
  dataSize: number;
  rowsDone: number;
  rowsPerSecond?: number;
  secondsLeft?: number;
  attempt: number;
  resumeUntil?: string;
  queuePosition?: number;
  startsAfter?: string;
  warnings: string[];
  requestId?: string;
}

export interface Snapshot {
  status: JobStatus;
  title: string;
  format: string;
  outputPath?: string;
  cooldownUntil?: string; // of a cancelled job: when the next one starts
  report?: { fidelity: number; memorisation: string };
  trouble?: string; // why nobody tells of the job any more
}

export type Action = "cancel" | "pause" | "resume" | "rerun" | "view" | "shut" | "save" | "edit";
