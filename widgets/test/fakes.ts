// A job's snapshot, and a model that holds one as a kernel's would.

import type { Model } from "../src/link";
import type { JobStatus, Snapshot, State } from "../src/snapshot";

export const NOW = Date.parse("2026-11-23T10:00:30Z");

export function snapshot(state: State, status: Partial<JobStatus> = {}): Snapshot {
  return {
    title: "diamonds",
    format: "Parquet",
    status: {
      jobId: "j_7QK2",
      status: state,
      progress: 62,
      startTime: "2026-11-23T10:00:25Z",
      lastUpdated: "2026-11-23T10:00:29Z",
      stages: [
        { name: "fit", status: "completed", progress: 100, weight: 0.4,
          startTime: "2026-11-23T10:00:25Z", endTime: "2026-11-23T10:00:26.8Z" },
        { name: "generate", status: "running", progress: 62, weight: 0.6 },
      ],
      metadata: { retryCount: 0, outputSize: 2_400_000, processingTime: 3.1 },
      name: "diamonds",
      dataSize: 1_000_000,
      rowsDone: 620_000,
      rowsPerSecond: 214_000,
      secondsLeft: 2,
      attempt: 1,
      warnings: [],
      ...status,
    },
  };
}

export class FakeModel implements Model {
  sent: { id: string; action: string; body: { start?: number } }[] = [];
  readonly #heard = new Map<string, Set<(...args: never[]) => void>>();
  beat: { at?: number; every?: number; told?: number } = {};
  constructor(public snapshot: Snapshot) {}
  get(name: string): unknown {
    return name === "snapshot" ? this.snapshot : this.beat;
  }
  on(event: string, callback: (...args: never[]) => void): void {
    this.#heard.set(event, (this.#heard.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: (...args: never[]) => void): void {
    this.#heard.get(event)?.delete(callback);
  }
  send(content: unknown): void {
    this.sent.push(content as (typeof this.sent)[number]);
  }
  fire(event: string, ...args: unknown[]): void {
    for (const callback of this.#heard.get(event) ?? []) callback(...(args as never[]));
  }
  get listeners(): number {
    return [...this.#heard.values()].reduce((sum, set) => sum + set.size, 0);
  }
}
