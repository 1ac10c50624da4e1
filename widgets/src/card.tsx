// The job card: a pure picture of its snapshot, and buttons that ask the kernel.

import { useEffect, useRef, useState } from "preact/hooks";
import css from "./card.css";
import { TooLarge, download } from "./download";
import { Logs } from "./logs";
import { NotifySettings, announce } from "./notify";
import { useInView } from "./seen";
import type { Action, JobStatus, Snapshot, Stage } from "./snapshot";
import { ENDED, StateMark, WORDS } from "./state";
import { type Props, widget } from "./widget";
import { clock, count, day, exact, ordinal, rows, size, span } from "./words";

const GOOD = 0.9; // fidelity from here on is green
const PATIENCE = 120_000; // ms: a grid fetches the first rows before it shows

const BUSY: Partial<Record<Action, string>> = {
  cancel: "Cancelling …",
  pause: "Pausing …",
  resume: "Resuming …",
};

export function Card({ snapshot, connected, now, ask, listen }: Props<Snapshot>) {
  const { status } = snapshot;
  const state = status.status;
  const reachable = connected && snapshot.trouble === undefined;
  const [asking, setAsking] = useState<Action | "download" | null>(null);
  const [confirming, setConfirming] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [note, setNote] = useState("");
  const [tooLarge, setTooLarge] = useState(false);
  const [logs, setLogs] = useState(false);
  const [viewing, setViewing] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const card = useRef<HTMLElement>(null);
  const confirmed = useRef(false);
  const pressed = useRef(false); // and nothing elsewhere was turned to since
  const inView = useInView(card);
  const before = useRef(status);

  useEffect(() => {
    const ended = ENDED.includes(state) && before.current.jobId === status.jobId && !ENDED.includes(before.current.status);
    before.current = status;
    if (ended && (document.hidden || !inView.current)) {
      const text = status.error?.message ?? rows(status.rowsDone);
      const show = () => {
        card.current?.scrollIntoView({ block: "center" });
        card.current?.focus();
      };
      announce({ id: status.jobId, state, headline: headline(status), title: snapshot.title, text, show });
    }
  }, [status]);
  useEffect(() => setConfirming(false), [state]);
  useEffect(() => {
    setViewing(false);
    setTooLarge(false);
    setNote("");
  }, [status.jobId]);
  // The button that was pressed is gone: the focus goes to the harmless answer, and back.
  useEffect(() => {
    if (confirming) keep.current?.focus();
    else if (confirmed.current) cancel.current?.focus();
    confirmed.current = confirming;
  }, [confirming]);
  // A button that went, or rests, takes the focus along; the card keeps it.
  useEffect(() => {
    if (pressed.current && document.activeElement === document.body) card.current?.focus();
  }, [state, asking, confirming]);
  const stay = () => setConfirming(false);

  const during = async (action: Action | "download", work: () => Promise<unknown>) => {
    pressed.current = true;
    setConfirming(false);
    setRefusal("");
    setNote("");
    setAsking(action);
    try {
      return await work();
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
      setTooLarge(error instanceof TooLarge);
    } finally {
      setAsking(null);
    }
  };
  const press = (action: Action) => during(action, () => ask(action, {}, { patience: PATIENCE }));
  const take = () =>
    during("download", async () => {
      const told = (share: number) => setNote(`Downloading ${Math.floor(100 * share)} %`);
      setNote(`Downloaded ${await download(ask, listen, told)}`);
    });
  const save = async () => {
    setTooLarge(false);
    const saved = (await press("save")) as { path: string } | undefined;
    if (saved) setNote(`Saved as ${saved.path}`);
  };
  const look = async () => {
    const done = await press(viewing ? "shut" : "view");
    if (done !== undefined) setViewing(!viewing); // the answer to what was refused
  };

  const button = (
    action: Action | "download",
    label: string,
    kind = "",
    pressed: () => unknown = () => press(action as Action),
  ) => (
    <button
      type="button"
      class={`dg-button ${kind}`}
      disabled={asking !== null || !reachable}
      onClick={() => void pressed()}
    >
      {asking === action ? "…" : label}
    </button>
  );

  const ends = !ENDED.includes(state);
  return (
    <section
      ref={card}
      tabIndex={-1}
      class={`dg dg-card dg-${state} ${reachable ? "" : "dg-lost"}`}
      aria-label={`Job ${snapshot.title}`}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !card.current?.contains(relatedTarget)) pressed.current = false;
      }}
    >
      <header class="dg-row dg-head">
        <span class="dg-state" role="status" aria-live="polite">
          <StateMark state={state} still={!reachable} />
          {reachable ? ((asking && BUSY[asking as Action]) ?? headline(status)) : `Last seen ${WORDS[state].toLowerCase()}`}
        </span>
        <strong class="dg-title" title={snapshot.title}>
          <span class="dg-name dg-text">{snapshot.title}</span> → {rows(status.dataSize)}
        </strong>
        <code class="dg-mono dg-id" title={status.jobId}>
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
            {state === "completed" && button("view", viewing ? "Hide" : "View", viewing ? "" : "dg-primary", look)}
            {state === "completed" && button("download", "Download", "", take)}
            {state === "failed" && button("edit", "Edit and rerun", mayHelp(status) ? "" : "dg-primary")}
            {!ends && button("rerun", "Rerun", mayHelp(status) ? "dg-primary" : "dg-quiet")}
            <button
              type="button"
              class="dg-button dg-quiet"
              aria-expanded={logs}
              disabled={!reachable}
              onClick={() => setLogs(!logs)}
            >
              Logs
            </button>
            {ends && reachable && <NotifySettings />}
            {ends && (
              <button
                type="button"
                ref={cancel}
                class="dg-button dg-quiet"
                disabled={asking !== null || !reachable}
                onClick={() => setConfirming(true)}
              >
                Cancel
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
        <p class="dg-warning dg-text" key={warning}>
          {warning}
        </p>
      ))}
      {note && (
        <p class="dg-muted dg-text" role="status">
          {note}
        </p>
      )}
      {refusal && (
        <p class="dg-warning dg-text" role="alert">
          {refusal} {tooLarge && button("save", "Save beside the notebook", "", save)}
        </p>
      )}
      {!reachable && (
        <p class="dg-warning" role="alert">
          {snapshot.trouble ?? "Not connected to the kernel."} The job goes on; run the cell again to
          see it.
        </p>
      )}
      {logs && reachable && <Logs job={status.jobId} ask={ask} listen={listen} />}
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

function facts({ status, format, outputPath, cooldownUntil }: Snapshot, now: number): [string, string] {
  const made = `${count(status.rowsDone)} of ${rows(status.dataSize)}`;
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
      return [`${Math.floor(status.progress)} % · ${made}${speed}`, `${rest}${elapsed} elapsed`];
    }
    case "paused": {
      const until = status.resumeUntil ? (Date.parse(status.resumeUntil) - now) / 1000 : 0;
      return [`${rows(status.rowsDone)} kept on disk`, `can be resumed for ${span(until)}`];
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
    case "cancelled": {
      const left = cooldownUntil ? (Date.parse(cooldownUntil) - now) / 1000 : 0;
      return [`${made} were made and removed`, left > 0 ? `the next job starts in ${span(left)}` : ""];
    }
  }
}

function Failure({ status }: { status: JobStatus }) {
  const { error } = status;
  if (!error) return null;
  const details = error.details ?? {};
  const { remedy = "" } = details;
  const what = remedy && error.message.endsWith(remedy) ? error.message.slice(0, -remedy.length).trim() : error.message;
  const help = { true: "Trying again may help.", false: "Trying again will not help." };
  return (
    <div class="dg-failure">
      <p class="dg-what dg-text">{what}</p>
      <p>
        {remedy && `${remedy} `}
        {details.retryHelps === undefined ? "" : help[`${details.retryHelps}`]}
      </p>
      <code class="dg-mono">
        {error.code} · attempt {status.attempt}
        {status.requestId && ` · request ${status.requestId}`}
      </code>
    </div>
  );
}

/** A cancelled job's card still counts its cooldown down. */
export default widget<Snapshot>(
  css,
  Card,
  ({ status, cooldownUntil }) => ENDED.includes(status.status) && cooldownUntil === undefined,
);
