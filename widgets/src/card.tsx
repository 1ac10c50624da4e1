// The job card: a pure picture of its snapshot, and buttons that ask the kernel.

import { render as paint } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, type Model } from "./link";
import type { Action, JobStatus, Snapshot, Stage, State } from "./snapshot";
import { clock, count, day, exact, ordinal, size, span } from "./words";

const SILENCE = 12_000; // ms without a word from the kernel before the card says so

const GOOD = 0.9; // fidelity from here on is green

const WORDS: Record<State, string> = {
  queued: "Queued",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  paused: "Paused",
};

const SHAPES: Record<State, string> = {
  queued: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3",
  running: "M8 2.5A5.5 5.5 0 1 1 2.5 8",
  completed: "M3 8.5l3.2 3L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6",
  paused: "M5.5 3v10M10.5 3v10",
};

export interface CardProps {
  snapshot: Snapshot;
  connected: boolean;
  now: number;
  ask: (action: Action) => Promise<void>;
}

export function Card({ snapshot, connected, now, ask }: CardProps) {
  const { status } = snapshot;
  const state = status.status;
  const [asking, setAsking] = useState<Action | null>(null);
  const [confirming, setConfirming] = useState(false);
  const [refusal, setRefusal] = useState("");
  const keep = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const confirmed = useRef(false);

  useEffect(() => setConfirming(false), [state]);
  // The button that was pressed is gone: the focus goes to the harmless answer, and back.
  useEffect(() => {
    if (confirming) keep.current?.focus();
    else if (confirmed.current) cancel.current?.focus();
    confirmed.current = confirming;
  }, [confirming]);
  const stay = () => setConfirming(false);

  const press = async (action: Action) => {
    setConfirming(false);
    setRefusal("");
    setAsking(action);
    try {
      await ask(action);
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    } finally {
      setAsking(null);
    }
  };

  const button = (action: Action, label: string, kind = "") => (
    <button
      type="button"
      class={`dg-button ${kind}`}
      disabled={asking !== null || !connected}
      onClick={() => void press(action)}
    >
      {asking === action ? "…" : label}
    </button>
  );

  const ends = state === "running" || state === "queued" || state === "paused";
  return (
    <section class={`dg-card dg-${state} ${connected ? "" : "dg-lost"}`} aria-label={`Job ${snapshot.title}`}>
      <header class="dg-row dg-head">
        <span class="dg-state" role="status" aria-live="polite">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={SHAPES[state]} />
          </svg>
          {connected ? headline(status) : `Last seen ${WORDS[state].toLowerCase()}`}
        </span>
        <strong class="dg-title" title={snapshot.title}>
          <span class="dg-name">{snapshot.title}</span> → {count(status.dataSize)} rows
        </strong>
        <code class="dg-id" title={status.jobId}>
          {status.jobId}
        </code>
        {confirming ? (
          <span
            class="dg-confirm"
            role="group"
            aria-label="Cancel this job?"
            onKeyDown={(event) => event.key === "Escape" && stay()}
          >
            <span>Cancel this job?</span>
            <button type="button" class="dg-button dg-danger" onClick={() => void press("cancel")}>
              Yes, cancel
            </button>
            <button type="button" ref={keep} class="dg-button" onClick={stay}>
              Keep
            </button>
          </span>
        ) : (
          <span class="dg-buttons">
            {(state === "running" || state === "queued") && button("pause", "Pause")}
            {state === "paused" && button("resume", "Resume", "dg-primary")}
            {!ends && button("rerun", "Rerun", mayHelp(status) ? "dg-primary" : "dg-quiet")}
            {ends && (
              <button
                type="button"
                ref={cancel}
                class="dg-button dg-quiet"
                disabled={asking !== null || !connected}
                onClick={() => setConfirming(true)}
              >
                {asking === "cancel" ? "…" : "Cancel"}
              </button>
            )}
          </span>
        )}
      </header>
      {ends && <Bar status={status} />}
      {ends && <Stages stages={status.stages} />}
      <Facts snapshot={snapshot} now={now} />
      {state === "failed" && <Failure status={status} />}
      {status.warnings.map((warning) => (
        <p class="dg-warning" key={warning}>
          {warning}
        </p>
      ))}
      {refusal && (
        <p class="dg-warning" role="alert">
          {refusal}
        </p>
      )}
      {!connected && (
        <p class="dg-warning" role="alert">
          {snapshot.trouble ?? "Not connected to the kernel."} The job goes on; run the cell again to
          see it.
        </p>
      )}
    </section>
  );
}

function mayHelp(status: JobStatus): boolean {
  return status.status === "failed" && status.error?.details?.retryHelps !== false;
}

function headline(status: JobStatus): string {
  const stage = status.error?.details?.stage;
  if (status.status === "failed" && stage) return `Failed in ${stage}`;
  return WORDS[status.status];
}

function Bar({ status }: { status: JobStatus }) {
  const percent = Math.floor(status.progress);
  return (
    <div
      class="dg-bar"
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={`${percent} %`}
    >
      {status.stages.map((stage) => (
        <span key={stage.name} style={{ flexGrow: Math.max(stage.weight, 0.02) }} title={stage.name}>
          <i style={{ width: `${stage.progress ?? 0}%` }} />
        </span>
      ))}
    </div>
  );
}

function Stages({ stages }: { stages: Stage[] }) {
  return (
    <ol class="dg-stages">
      {stages.map((stage) => (
        <li key={stage.name} class={`dg-stage-${stage.status}`}>
          {stage.name} {stageNote(stage)}
        </li>
      ))}
    </ol>
  );
}

function stageNote(stage: Stage): string {
  if (stage.status === "running") return `${Math.floor(stage.progress ?? 0)} %`;
  if (stage.status !== "completed" || !stage.startTime || !stage.endTime) return "";
  const took = (Date.parse(stage.endTime) - Date.parse(stage.startTime)) / 1000;
  return took >= 0.1 ? exact(took) : "";
}

function Facts({ snapshot, now }: { snapshot: Snapshot; now: number }) {
  const { status } = snapshot;
  const [left, right] = facts(snapshot, now);
  return (
    <div class="dg-row dg-facts">
      <span class="dg-grow">
        {left}
        {status.status === "completed" && snapshot.report && (
          <>
            {" · fidelity "}
            <b class={snapshot.report.fidelity >= GOOD ? "dg-good" : "dg-fair"}>
              {(100 * snapshot.report.fidelity).toFixed(1)} %
            </b>
            {` · ${snapshot.report.memorisation}`}
          </>
        )}
      </span>
      <span>{right}</span>
    </div>
  );
}

function facts({ status, format, outputPath }: Snapshot, now: number): [string, string] {
  const rows = `${count(status.rowsDone)} of ${count(status.dataSize)} rows`;
  switch (status.status) {
    case "queued": {
      const place = status.queuePosition;
      const left = status.startsAfter ? (Date.parse(status.startsAfter) - now) / 1000 : 0;
      const cooling = left > 0 ? `starts in ${span(left)}: a job was cancelled` : "";
      return [place ? `${ordinal(place)} in the queue` : "about to start", cooling];
    }
    case "running": {
      const speed = status.rowsPerSecond ? ` · ${count(status.rowsPerSecond)} rows/s` : "";
      const elapsed = clock((now - Date.parse(status.startTime)) / 1000);
      const rest = status.secondsLeft ? `about ${span(status.secondsLeft)} left · ` : "";
      return [`${rows}${speed}`, `${rest}${elapsed} elapsed`];
    }
    case "paused": {
      const until = status.resumeUntil ? (Date.parse(status.resumeUntil) - now) / 1000 : 0;
      return [`${count(status.rowsDone)} rows kept on disk`, `can be resumed for ${span(until)}`];
    }
    case "completed": {
      const took = exact(status.metadata.processingTime ?? 0);
      const bytes = size(status.metadata.outputSize ?? 0);
      const where = outputPath ? ` · in ${outputPath}` : "";
      const expires = status.metadata.expirationDate;
      return [`${took} · ${bytes} ${format}${where}`, expires ? `expires ${day(expires)}` : ""];
    }
    case "failed":
      return ["", ""];
    case "cancelled":
      return [`${rows} were made and removed`, ""];
  }
}

function Failure({ status }: { status: JobStatus }) {
  const { error } = status;
  if (!error) return null;
  const details = error.details ?? {};
  const help = { true: "Trying again may help.", false: "Trying again will not help." };
  return (
    <div class="dg-failure">
      <p class="dg-what">{error.message}</p>
      <p>
        {details.remedy ? `${details.remedy} ` : ""}
        {details.retryHelps === undefined ? "" : help[`${details.retryHelps}`]}
      </p>
      <code>
        {error.code} · attempt {status.attempt}
      </code>
    </div>
  );
}

/** How far the kernel's clock is ahead of this browser's, in ms; its beat is the kernel's time. */
function ahead(model: Model): number {
  const beat = model.get("beat");
  return typeof beat === "number" && beat > 0 ? beat * 1000 - Date.now() : 0;
}

function Live({ link, model }: { link: Link; model: Model }) {
  const [snapshot, setSnapshot] = useState(model.get("snapshot") as Snapshot);
  const [skew, setSkew] = useState(ahead(model));
  const [heard, setHeard] = useState(Date.now());
  const [now, setNow] = useState(Date.now());
  const ended = ["completed", "failed", "cancelled"].includes(snapshot.status?.status);

  useEffect(() => {
    const changed = () => {
      setSnapshot(model.get("snapshot") as Snapshot);
      setHeard(Date.now());
      setNow(Date.now());
    };
    const alive = () => {
      setSkew(ahead(model));
      setHeard(Date.now());
    };
    model.on("change:snapshot", changed);
    model.on("change:beat", alive);
    return () => {
      model.off("change:snapshot", changed);
      model.off("change:beat", alive);
    };
  }, [model]);

  useEffect(() => {
    if (ended) return;
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, [ended]);

  if (!snapshot.status) return null;
  return (
    <Card
      snapshot={snapshot}
      connected={ended || (snapshot.trouble === undefined && now - heard < SILENCE)}
      now={now + skew}
      ask={(action) => link.ask(action)}
    />
  );
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const link = new Link(model);
    paint(<Live link={link} model={model} />, el);
    return () => {
      paint(null, el);
      link.close();
    };
  },
};
