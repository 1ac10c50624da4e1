/**
 * The specification's interfaces (sections 1.1, 1.2, 2.1 and 2.2), for what is sent as JSON:
 * an instant, a `Date` there, is the text of one here. Nothing else differs.
 */

export type Instant = `${number}-${number}-${number}T${number}:${number}:${number}Z`;

export interface JobConfiguration {
  dataType: string;
  dataSize: number;
  inputFormat: string;
  outputFormat: string;
  inputBucket: string;
  outputBucket: string;
  inputPath: string;
  outputPath: string;
  isAsync: boolean;
  timeout: number;
  resumeWindow: number;
  parameters: Record<string, any>;
}

export interface JobStatus {
  jobId: string;
  status: "queued" | "running" | "completed" | "failed" | "cancelled" | "paused";
  progress: number;
  startTime: Instant;
  endTime?: Instant;
  lastUpdated: Instant;
  error?: {
    code: string;
    message: string;
    details?: any;
  };
  stages: {
    name: string;
    status: "pending" | "running" | "completed" | "failed";
    startTime?: Instant;
    endTime?: Instant;
    progress?: number;
  }[];
  metadata: {
    inputSize: number;
    outputSize?: number;
    processingTime?: number;
    retryCount: number;
    expirationDate?: Instant;
  };
}

/** What `getRateLimitStatus` answers. */
export interface RateLimitStatus {
  currentJobs: number;
  maxJobs: number;
  cooldownPeriod: number;
}

/** What `checkHealth` answers. */
export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  message?: string;
  metrics?: Record<string, number>;
}

export interface WebhookConfig {
  url: string;
  secret: string;
  events: ("job.created" | "job.updated" | "job.completed" | "job.failed")[];
}

export interface WebhookPayload {
  event: string;
  jobId: string;
  timestamp: string;
  data: JobStatus;
  signature: string;
}

/** The same, of a value that does not change: what `as const` makes of a sample. */
export type Sent<T> = 0 extends 1 & T
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Sent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Sent<T[Key]> }
      : T;
