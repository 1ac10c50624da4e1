// What the kernel sends a card: the one trait that it writes, whole each time.

export type { CardSnapshot as Snapshot, EstimateWarning, JobStatus, Stage, State } from "./snapshots";

/** What ``details`` of a failure may have; any of it may be missing. */
export interface FailureDetails {
  stage?: string;
  remedy?: string;
  retryHelps?: boolean;
}
