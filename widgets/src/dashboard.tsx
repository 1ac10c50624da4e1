// The dashboard: sums, gauges, the recent jobs along the time, and what needs a look.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { DashboardActions } from "./actions";
import type { Alert, Limits, Seen, Snapshot, Sums, Webhook } from "./dashboard/snapshot";
import { Timeline } from "./dashboard/timeline";
import css from "./dashboard.css";
import { ago, count, day, exact, instant, rows, size, span } from "./format";
import { messageOf } from "./link";
import { type Props, widget } from "./widget";

const PERIODS: [number, string][] = [
  [1, "Last 24 hours"],
  [7, "Last 7 days"],
  [30, "Last 30 days"],
  [90, "Last 90 days"],
  [365, "Last year"],
];
const NEARLY = 0.8; // of a bound: from here on it has the colour of a warning
const GOOD = 0.9;

type Do = <Action extends keyof DashboardActions>(action: Action, body: DashboardActions[Action]) => void;

export function Dashboard({ snapshot, connected, now, ask }: Props<Snapshot, DashboardActions>) {
  const [refused, setRefused] = useState("");
  const act: Do = (action, body) => {
    setRefused("");
    ask(action, body).catch((error) => setRefused(messageOf(error)));
  };
  const trouble = refused || snapshot.trouble;
  return (
    <section class={`dg dg-dashboard ${connected ? "" : "dg-lost"}`} aria-label="Dashboard">
      {!connected && (
        <p class="dg-warning" role="alert">
          Not connected to the kernel: this is the state last seen. Run the cell again to refresh.
        </p>
      )}
      {trouble && (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      )}
      <fieldset disabled={!connected}>
        {snapshot.sums && <Everything seen={snapshot as Seen} now={now} act={act} />}
      </fieldset>
    </section>
  );
}

function Everything({ seen, now, act }: { seen: Seen; now: number; act: Do }) {
  const { limits, sums } = seen;
  const open = (id: string) => act("open", { id });
  return (
    <>
      <div class="dg-row dg-tools dg-top">
        <h4 class="dg-grow">Overview</h4>
        <select
          class="dg-input"
          aria-label="Period"
          onChange={({ currentTarget }) => act("days", { days: Number(currentTarget.value) })}
        >
          {PERIODS.map(([days, words]) => (
            <option key={days} value={days} selected={days === seen.days}>
              {words}
            </option>
          ))}
          {!PERIODS.some(([days]) => days === seen.days) && <option selected>{`Last ${seen.days} days`}</option>}
        </select>
      </div>
      {seen.alerts.length > 0 && <Alerts alerts={seen.alerts} now={now} act={act} />}
      <Tiles seen={seen} now={now} open={open} />
      <div class="dg-parts">
        <Slots limits={limits} now={now} />
        <Storage limits={limits} sums={sums} />
      </div>
      <Timeline bars={seen.recent} now={now} open={open} />
      <div class="dg-parts">
        <Service seen={seen} />
        <Webhooks webhooks={seen.webhooks} now={now} />
      </div>
    </>
  );
}

function Tiles({ seen, now, open }: { seen: Seen; now: number; open: (id: string) => void }) {
  const { sums, limits, failed } = seen;
  const bad = sums.ended.failed ?? 0;
  const share = sums.successShare;
  return (
    <div class="dg-tiles">
      <Tile value={count(limits.currentJobs)} words={`running, ${count(limits.waitingJobs)} queued`} />
      <Tile value={count(sums.ended.completed ?? 0)} words={`completed, ${rows(sums.rows)}`} />
      <Tile value={count(bad)} tone={bad ? "dg-bad" : ""} words="failed">
        {failed?.ended && (
          <button
            type="button"
            class="dg-link"
            title={`${instant(failed.ended)}: ${failed.words}`}
            onClick={() => open(failed.id)}
          >
            last: {failed.name || failed.id}, {ago(failed.ended, now)}
          </button>
        )}
      </Tile>
      <Tile
        value={share === undefined ? "–" : `${(100 * share).toFixed(share === 1 ? 0 : 1)} %`}
        tone={share === undefined ? "" : share >= GOOD ? "dg-good" : "dg-fair"}
        words="success rate"
      >
        {sums.medianSeconds !== undefined && (
          <span class="dg-muted">
            median {exact(sums.medianSeconds)} · 95th percentile {exact(sums.p95Seconds ?? 0)}
          </span>
        )}
      </Tile>
    </div>
  );
}

interface Tile {
  value: string;
  words: string;
  tone?: string;
  children?: ComponentChildren;
}

function Tile({ value, words, tone = "", children }: Tile) {
  return (
    <div class="dg-tile">
      <strong class={tone}>{value}</strong>
      <span class="dg-muted">{words}</span>
      {children}
    </div>
  );
}

interface Gauge {
  name: string;
  value: number;
  most: number;
  words: string;
  tone?: string;
  children?: ComponentChildren;
}

function Gauge({ name, value, most, words, tone = "dg-calm", children }: Gauge) {
  const share = most > 0 ? Math.min(1, value / most) : 0;
  return (
    <div class="dg-measured">
      <div class="dg-row">
        <span class="dg-grow">{name}</span>
        <b>{words}</b>
      </div>
      <div
        class={`dg-meter ${tone}`}
        role="meter"
        aria-label={name}
        aria-valuenow={value}
        aria-valuemin={0}
        aria-valuemax={most}
        aria-valuetext={words}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      {children && <span class="dg-muted">{children}</span>}
    </div>
  );
}

function Slots({ limits, now }: { limits: Limits; now: number }) {
  const left = limits.cooldownUntil ? (Date.parse(limits.cooldownUntil) - now) / 1000 : 0;
  const { currentJobs, maxJobs, waitingJobs, maxWaiting, cooldownPeriod } = limits;
  return (
    <section class="dg-part" aria-label="Limits">
      <Gauge
        name="Slots"
        value={currentJobs}
        most={maxJobs}
        words={`${count(currentJobs)} of ${count(maxJobs)}`}
        tone={currentJobs >= maxJobs ? "dg-near" : "dg-calm"}
      >
        {maxWaiting
          ? `${count(waitingJobs)} queued, at most ${count(maxWaiting)}`
          : "jobs that cannot start at once are refused"}
      </Gauge>
      {left > 0 ? (
        <Gauge
          name="Cooldown"
          value={Math.ceil(left)}
          most={cooldownPeriod}
          words={`${span(Math.ceil(left))} left`}
          tone="dg-near"
        >
          after a cancellation: queued jobs start when it ends
        </Gauge>
      ) : (
        <span class="dg-muted">
          {cooldownPeriod
            ? `No cooldown now; each cancellation starts one of ${span(cooldownPeriod)}.`
            : "No cooldown."}
        </span>
      )}
    </section>
  );
}

function Storage({ limits, sums }: { limits: Limits; sums: Sums }) {
  const { storageUsed: used, storageQuota: quota } = limits;
  const [soon, later] = sums.expiring;
  const next =
    soon && soon.jobs > 0
      ? `Clean-up deletes ${jobs(soon.jobs)} within a day and frees ${size(soon.size)}.`
      : later && later.jobs > 0
        ? `Clean-up deletes ${jobs(later.jobs)} within a week and frees ${size(later.size)}.`
        : sums.nextDeletion
          ? `The next one is deleted on ${day(sums.nextDeletion)}.`
          : "There is nothing to delete.";
  return (
    <section class="dg-part" aria-label="Storage and retention">
      {quota === undefined ? (
        <div class="dg-row">
          <span class="dg-grow">Storage</span>
          <b>{size(used)} used or reserved, unlimited</b>
        </div>
      ) : (
        <Gauge
          name="Storage"
          value={used}
          most={quota}
          words={`${size(used)} of ${size(quota)} used or reserved`}
          tone={used >= NEARLY * quota ? "dg-near" : "dg-calm"}
        />
      )}
      <span class="dg-muted">
        Jobs are kept {count(sums.retentionDays)} {sums.retentionDays === 1 ? "day" : "days"} after their end. {next}
      </span>
    </section>
  );
}

const jobs = (number: number): string => (number === 1 ? "1 job" : `${count(number)} jobs`);

function Alerts({ alerts, now, act }: { alerts: Alert[]; now: number; act: Do }) {
  return (
    <ul class="dg-alerts" aria-label="Alerts">
      {alerts.map((alert) => (
        <li
          key={alert.id}
          class={`dg-row ${alert.severity === "critical" ? "dg-critical" : ""}`}
          role={alert.acknowledgedTime ? undefined : "alert"}
        >
          <b>{alert.severity === "critical" ? "Critical" : "Warning"}</b>
          <span class="dg-grow dg-text">{alert.message}</span>
          <time class="dg-muted" dateTime={alert.raisedTime} title={instant(alert.raisedTime)}>
            {ago(alert.raisedTime, now)}
          </time>
          {alert.acknowledgedTime ? (
            <span class="dg-muted">acknowledged</span>
          ) : (
            <button type="button" class="dg-button" onClick={() => act("acknowledge", { id: alert.id })}>
              Acknowledge
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

const HEALTH = { healthy: "completed", degraded: "paused", unhealthy: "failed" } as const;
const HEALTHY = { healthy: "Healthy", degraded: "Degraded", unhealthy: "Unhealthy" } as const;

function Service({ seen }: { seen: Seen }) {
  const { health } = seen;
  return (
    <section class="dg-part" aria-label="Service">
      <h4>Service</h4>
      <div class={`dg-row dg-${HEALTH[health.status]}`}>
        <span class="dg-state">
          <i class="dg-dot" />
          {HEALTHY[health.status]}
        </span>
        <span class="dg-muted">datagen_nb {health.version}</span>
      </div>
      {health.message && <p class="dg-muted dg-text">{health.message}</p>}
    </section>
  );
}

function Webhooks({ webhooks, now }: { webhooks: Webhook[]; now: number }) {
  return (
    <section class="dg-part" aria-label="Webhooks">
      <h4>Webhooks</h4>
      {webhooks.length === 0 && (
        <p class="dg-muted">None. client.webhooks.create(…) notifies another program when a job changes.</p>
      )}
      {webhooks.map((webhook) => (
        <div
          key={webhook.id}
          class={`dg-row dg-${webhook.enabled ? (webhook.failingSince ? "paused" : "completed") : "failed"}`}
        >
          <span class="dg-state">
            <i class="dg-dot" />
            {webhook.enabled ? (webhook.failingSince ? "Failing" : "Delivers") : "Disabled"}
          </span>
          <span class="dg-text">{webhook.host}</span>
          <span class="dg-muted">
            {outcomes(webhook)}
            {webhook.failingSince ? ` · failing since ${ago(webhook.failingSince, now)}` : ""}
            {webhook.reason ? ` · ${webhook.reason}` : ""}
          </span>
        </div>
      ))}
    </section>
  );
}

const OUTCOMES: [string, string][] = [
  ["delivered", "delivered"],
  ["pending", "pending"],
  ["dead", "failed"],
];

function outcomes(webhook: Webhook): string {
  const known = OUTCOMES.filter(([state]) => webhook.outcomes[state]).map(
    ([state, words]) => `${count(webhook.outcomes[state] ?? 0)} ${words}`,
  );
  return known.length ? known.join(", ") : "nothing sent yet";
}

export default widget<Snapshot, DashboardActions>(css, Dashboard);
