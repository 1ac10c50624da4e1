// What the kernel tells a dashboard: everything, at each look.

import type { State } from "../snapshot";

export interface Bar {
  id: string;
  status: State;
  name: string;
  rows: number;
  created: string;
  started?: string | null;
  ended?: string | null;
}

export interface Alert {
  id: string;
  severity: "warning" | "critical";
  message: string;
  raisedTime: string;
  acknowledgedTime?: string;
}

export interface Webhook {
  id: string;
  host: string;
  enabled: boolean;
  failingSince?: string | null;
  reason?: string | null;
  outcomes: Record<string, number>;
}

export interface Limits {
  currentJobs: number;
  maxJobs: number;
  waitingJobs: number;
  maxWaiting: number;
  cooldownPeriod: number; // s
  cooldownUntil?: string;
  storageUsed: number; // bytes
  storageQuota?: number;
}

export interface Sums {
  ended: Partial<Record<State, number>>;
  rows: number;
  successShare?: number;
  medianSeconds?: number;
  p95Seconds?: number;
  retentionDays: number;
  nextDeletion?: string;
  expiring: { days: number; jobs: number; size: number }[];
}

export interface Seen {
  days: number;
  sums: Sums;
  failed: (Bar & { words: string }) | null;
  limits: Limits;
  health: { status: "healthy" | "degraded" | "unhealthy"; message?: string; version: string };
  alerts: Alert[];
  webhooks: Webhook[];
  recent: Bar[];
}

/** Before the service has answered once there is nothing but the trouble. */
export type Snapshot = { trouble: string } & Partial<Seen>;
