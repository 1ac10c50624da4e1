// What the kernel sends a dashboard: everything, each time.

import type { DashboardFacts } from "../snapshots";

export type {
  DashboardAlert as Alert,
  DashboardFacts as Seen,
  DashboardJob as Bar,
  DashboardSums as Sums,
  DashboardWebhook as Webhook,
  RateLimitStatus as Limits,
} from "../snapshots";

/** Before the service has answered once there is nothing but the trouble. */
export type Snapshot = { trouble: string } & Partial<DashboardFacts>;
