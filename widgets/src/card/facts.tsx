// What a card says about its job: a line of what matters now, and the details on request.

import { about, clock, count, day, exact, instant, ordinal, percent, rows, size, span } from "../format";
import type { Snapshot } from "../snapshot";

const GOOD = 0.9; // fidelity from here on is green

const PRIVACY = {
  ok: { mark: "✓", words: "privacy OK", tone: "dg-good" },
  caution: { mark: "!", words: "privacy caution", tone: "dg-fair" },
  bad: { mark: "✕", words: "privacy risk", tone: "dg-risk" },
  unknown: { mark: "?", words: "privacy", tone: "" },
} as const;

export function Facts({ snapshot, now }: { snapshot: Snapshot; now: number }) {
  const { left, right, when } = facts(snapshot, now);
  if (!left && !right) return null;
  return (
    <div class="dg-row dg-facts">
      <span class="dg-grow">
        {left}
        {snapshot.status.status === "completed" && snapshot.report && <Judged report={snapshot.report} />}
      </span>
      <span title={when && instant(when)}>{right}</span>
    </div>
  );
}

function Judged({ report }: { report: NonNullable<Snapshot["report"]> }) {
  const { mark, words, tone } = PRIVACY[report.level];
  return (
    <>
      {" · fidelity "}
      <b class={report.fidelity >= GOOD ? "dg-good" : "dg-fair"}>{(100 * report.fidelity).toFixed(1)} %</b>
      {" · "}
      <b class={tone}>
        <span aria-hidden="true">{mark}</span> {words}
      </b>
      {`: ${report.privacy}`}
    </>
  );
}

interface Facts {
  left: string;
  right: string;
  when?: string | undefined; // the instant that the right side speaks of
}

function facts({ status, format, outputPath, cooldownUntil }: Snapshot, now: number): Facts {
  const made = `${count(status.rowsDone)} of ${rows(status.dataSize)}`;
  const until = (at: string | undefined) => (at ? Math.max(0, (Date.parse(at) - now) / 1000) : 0);
  switch (status.status) {
    case "queued": {
      const place = status.queuePosition;
      const wait = until(status.startsAfter);
      const cooling = wait > 0 ? `starts in ${span(wait)}: a job was cancelled` : "";
      return {
        left: place ? `${ordinal(place)} in the queue` : "about to start",
        right: cooling,
        when: status.startsAfter,
      };
    }
    case "running": {
      const speed = status.rowsPerSecond ? ` · ${count(status.rowsPerSecond)} rows/s` : "";
      const elapsed = clock((now - Date.parse(status.startTime)) / 1000);
      const rest = status.secondsLeft ? `about ${about(status.secondsLeft)} left · ` : "";
      return {
        left: `${percent(status.progress)} · ${made}${speed}`,
        right: `${rest}${elapsed} elapsed`,
        when: status.startTime,
      };
    }
    case "paused": {
      const { resumeUntil: when } = status;
      return { left: `${rows(status.rowsDone)} kept on disk`, right: `can be resumed for ${span(until(when))}`, when };
    }
    case "completed": {
      const took = exact(status.metadata.processingTime ?? 0);
      const bytes = size(status.metadata.outputSize ?? 0);
      const where = outputPath ? ` · in ${outputPath}` : "";
      const expires = status.metadata.expirationDate;
      return {
        left: `${took} · ${bytes} ${format}${where}`,
        right: expires ? `expires ${day(expires)}` : "",
        when: expires,
      };
    }
    case "failed":
      return { left: "", right: "" };
    case "cancelled": {
      const wait = until(cooldownUntil);
      const right = wait > 0 ? `the next job starts in ${span(wait)}` : "";
      return { left: `${made} were made and removed`, right, when: cooldownUntil };
    }
  }
}

/** Which pipeline runs it, where there are several. */
function pipelineOf({ metadata }: Snapshot["status"]): [string, string][] {
  return metadata.pipeline ? [["Pipeline", metadata.pipeline]] : [];
}

/** What the job was asked to do, and when it did it. */
export function Details({ snapshot }: { snapshot: Snapshot }) {
  const { status } = snapshot;
  const lines: [string, string][] = [
    ["Source", snapshot.source],
    ...pipelineOf(status),
    ["Seed", String(snapshot.seed)],
    ["Parameters", snapshot.parameters || "defaults"],
    ["Timeout", about(snapshot.timeout)],
    ["Submitted", instant(status.createdTime)],
    ["Started", status.attempt > 0 ? instant(status.startTime) : "not yet"],
    ["Ended", status.endTime ? instant(status.endTime) : "not yet"],
    ["Job", status.jobId],
  ];
  return (
    <dl class="dg-details">
      {lines.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="dg-text">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
