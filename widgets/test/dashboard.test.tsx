import { render } from "preact";
import { act } from "preact/test-utils";
import { describe, expect, it, vi } from "vitest";
import type { DashboardActions } from "../src/actions";
import { Dashboard } from "../src/dashboard";
import type { Bar, Limits, Seen, Snapshot } from "../src/dashboard/snapshot";
import { placed, reach } from "../src/dashboard/timeline";
import type { Ask } from "../src/link";
import { host } from "./host";

const NOW = Date.parse("2026-11-23T10:00:00Z");
const MINUTE = 60_000;
const ago = (minutes: number) => new Date(NOW - minutes * MINUTE).toISOString();

const bar = (given: Partial<Bar> = {}): Bar => ({
  id: "j_1",
  status: "completed",
  name: "diamonds",
  rows: 1_000,
  created: ago(10),
  started: ago(10),
  ended: ago(9),
  ...given,
});

const LIMITS: Limits = {
  currentJobs: 0,
  maxJobs: 5,
  waitingJobs: 0,
  maxWaiting: 0,
  allowed: true,
  startsAtOnce: true,
  cooldownPeriod: 0,
  cooldownLeft: 0,
  storageUsed: 0,
};

const seen = (given: Partial<Seen> = {}): Snapshot => ({
  trouble: "",
  days: 30,
  sums: {
    ended: { completed: 121, failed: 2 },
    rows: 4_000_000,
    successShare: 0.984,
    medianSeconds: 3.1,
    p95Seconds: 61,
    retentionDays: 180,
    nextDeletion: "2027-05-01T00:00:00Z",
    expiring: [
      { days: 1, jobs: 14, size: 1_100_000_000 },
      { days: 7, jobs: 20, size: 2_000_000_000 },
    ],
  },
  failed: { ...bar({ id: "j_9", status: "failed", name: "flights", ended: ago(30) }), words: "line 3" },
  limits: {
    ...LIMITS,
    currentJobs: 3,
    waitingJobs: 2,
    maxWaiting: 100,
    cooldownPeriod: 30,
    cooldownUntil: new Date(NOW + 24_000).toISOString(),
    storageUsed: 7_200_000_000,
    storageQuota: 8_000_000_000,
  },
  health: { status: "healthy", version: "0.1.0" },
  alerts: [],
  webhooks: [],
  recent: [bar()],
  ...given,
});

function show(snapshot: Snapshot, ask: Ask<DashboardActions> = async () => undefined, connected = true): string {
  const props = { snapshot, connected, now: NOW, ask, listen: () => () => undefined };
  act(() => render(<Dashboard {...props} />, host));
  return host.textContent ?? "";
}

describe("a dashboard says where one stands", () => {
  it("in words and numbers", () => {
    const text = show(seen());
    for (const words of [
      "3running, 2 queued",
      "121completed, 4,000,000 rows",
      "2failed",
      "last: flights, 30 min ago",
      "98.4 %success",
      "median 3.1 s · 95th percentile 1 min 1 s",
      "3 of 5",
      "24 s left",
      "7.2 GB of 8.0 GB",
      "Clean-up deletes 14 jobs within a day and frees 1.1 GB.",
      "Healthy",
    ])
      expect(text).toContain(words);
  });

  it("as meters, which a screen reader reads", () => {
    show(seen());
    const meters = [...host.querySelectorAll("[role=meter]")].map((one) => [
      one.getAttribute("aria-label"),
      one.getAttribute("aria-valuenow"),
      one.getAttribute("aria-valuemax"),
    ]);
    expect(meters).toEqual([
      ["Slots", "3", "5"],
      ["Cooldown", "24", "30"],
      ["Storage", "7200000000", "8000000000"],
    ]);
    expect(host.querySelectorAll(".dg-near")).toHaveLength(2);
  });

  it("also when there is nothing yet", () => {
    const { failed: _, ...rest } = seen();
    const empty = {
      ...rest,
      recent: [],
      sums: { ended: {}, rows: 0, retentionDays: 1, expiring: [] },
      limits: LIMITS,
    };
    const text = show(empty);
    for (const words of [
      "–success",
      "kept 1 day after",
      "There is nothing to delete.",
      "No cooldown.",
      "0 bytes used or reserved, unlimited",
      "jobs that cannot start at once are refused",
    ])
      expect(text).toContain(words);
  });

  it("and that it stands still when the kernel or the service is gone", () => {
    expect(show(seen(), undefined, false)).toContain("Not connected to the kernel");
    expect(show({ trouble: "The service does not answer." })).toBe("The service does not answer.");
  });
});

it("acknowledges an alert", async () => {
  const ask = vi.fn<Ask<DashboardActions>>(async () => undefined);
  const alert = {
    id: "job_failures",
    severity: "critical",
    message: "<b>Half</b> of the jobs fail.",
    raisedTime: ago(5),
  } as const;
  expect(show(seen({ alerts: [alert] }), ask)).toContain("<b>Half</b> of the jobs fail.");
  await act(async () => [...host.querySelectorAll("button")].find((one) => one.textContent === "Acknowledge")?.click());
  expect(ask).toHaveBeenCalledWith("acknowledge", { id: "job_failures" });
});

it("opens a job from its bar and tells why it could not", async () => {
  const ask = vi.fn<Ask<DashboardActions>>(async () => {
    throw new Error("There is no job j_1.");
  });
  show(seen(), ask);
  await act(async () => (host.querySelector(".dg-bar-job") as HTMLElement).click());
  expect(ask).toHaveBeenCalledWith("open", { id: "j_1" });
  await vi.waitFor(() => expect(host.querySelector("[role=alert]")?.textContent).toContain("There is no job"));
});

describe("the timeline", () => {
  it("reaches back as far as two thirds of the jobs need", () => {
    const bars = [1, 2, 60 * 24 * 20].map((minutes) => bar({ created: ago(minutes) }));
    expect(reach(bars, NOW)).toBe(4 * MINUTE);
    expect(reach([], NOW)).toBe(MINUTE);
  });

  it("puts jobs of the same time below each other and none over the edge", () => {
    const bars = Array.from({ length: 20 }, (_, n) =>
      bar({
        id: `j_${n}`,
        created: ago(10 - n / 10),
        ...(n % 3 ? { ended: ago(5), status: "completed" } : { status: "running" }),
      }),
    );
    const found = placed(bars, NOW, 15 * MINUTE, 0.03);
    expect(found.length).toBeGreaterThan(5);
    for (const one of found) {
      expect(one.from).toBeGreaterThanOrEqual(0);
      expect(one.from + one.wide).toBeLessThanOrEqual(1 + 1e-9);
      for (const other of found)
        if (other !== one && other.lane === one.lane)
          expect(one.from + one.wide <= other.from || other.from + other.wide <= one.from).toBe(true);
    }
  });

  it("leaves out what ended before it began", () => {
    expect(placed([bar({ created: ago(60), ended: ago(50) })], NOW, 15 * MINUTE, 0.03)).toEqual([]);
  });
});

it("tells of each webhook whether it is heard", () => {
  const text = show(
    seen({
      webhooks: [
        { id: "a", host: "one.example", enabled: true, outcomes: { delivered: 12, dead: 1 } },
        { id: "b", host: "two.example", enabled: true, failingSince: ago(3), outcomes: { pending: 2 } },
        { id: "c", host: "three.example", enabled: false, reason: "failed for 5 days", outcomes: {} },
      ],
    }),
  );
  for (const words of [
    "Deliversone.example12 delivered, 1 failed",
    "Failingtwo.example2 pending · failing since 3 min ago",
    "Disabledthree.examplenothing sent yet · failed for 5 days",
  ])
    expect(text).toContain(words);
});
