// A job's snapshot, and a model that holds one as a kernel's would.

import type { Model } from "../src/link";
import type { JobStatus, Snapshot, State } from "../src/snapshot";
import type { Estimate } from "../src/snapshots";

export const NOW = Date.parse("2026-11-23T10:00:30Z");

export function snapshot(state: State, status: Partial<JobStatus> = {}): Snapshot {
  return {
    title: "diamonds",
    format: "Parquet",
    source: "data/diamonds.parquet",
    seed: 7,
    parameters: "",
    timeout: 3600,
    status: {
      jobId: "j_7QK2",
      status: state,
      progress: 62,
      createdTime: "2026-11-23T10:00:24Z",
      startTime: "2026-11-23T10:00:25Z",
      lastUpdated: "2026-11-23T10:00:29Z",
      stages: [
        {
          name: "fit",
          status: "completed",
          progress: 100,
          weight: 0.4,
          startTime: "2026-11-23T10:00:25Z",
          endTime: "2026-11-23T10:00:26.8Z",
        },
        { name: "generate", status: "running", progress: 62, weight: 0.6 },
      ],
      metadata: { inputSize: 0, retryCount: 0, outputSize: 2_400_000, processingTime: 3.1 },
      name: "diamonds",
      dataSize: 1_000_000,
      rowsDone: 620_000,
      rowsPerSecond: 214_000,
      secondsLeft: 2,
      attempt: 1,
      inputBucket: "",
      inputPath: "",
      note: "",
      tags: [],
      waitingFor: [],
      warnings: [],
      ...status,
    },
  };
}

export const ESTIMATE: Estimate = {
  rows: 1,
  bytesLow: 1,
  bytesHigh: 2,
  secondsLow: 4_000,
  secondsHigh: 90_000,
  basis: "prior",
  jobs: 0,
  inputRows: 1,
  inputColumns: 1,
  warnings: [],
};

export class FakeModel implements Model {
  sent: { id: string; action: string; body: { file?: string; start?: number } }[] = [];
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();
  heartbeat: { at?: number; every?: number; seq?: number } = {};
  constructor(public snapshot: Snapshot) {}
  get(name: string): unknown {
    return name === "snapshot" ? this.snapshot : this.heartbeat;
  }
  on(event: string, callback: (...args: never[]) => void): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: (...args: never[]) => void): void {
    this.#listeners.get(event)?.delete(callback);
  }
  send(content: unknown): void {
    this.sent.push(content as (typeof this.sent)[number]);
  }
  fire(event: string, ...args: unknown[]): void {
    for (const callback of this.#listeners.get(event) ?? []) callback(...(args as never[]));
  }
  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }
}
