// The job card: a pure picture of its snapshot, and buttons that ask the kernel.

import { useEffect, useRef, useState } from "preact/hooks";
import type { CardActions } from "./actions";
import { Details, Facts } from "./card/facts";
import { Progress } from "./card/progress";
import css from "./card.css";
import { download, type Kept, TooLarge } from "./download";
import { ago, instant, rows } from "./format";
import { messageOf } from "./link";
import { Logs } from "./logs";
import { announce, NotifySettings, useWitness } from "./notify";
import type { FailureDetails, JobStatus, Snapshot } from "./snapshot";
import { ENDED, StateMark, WORDS } from "./state";
import { useInView } from "./visibility";
import { EstimateWarnings } from "./warnings";
import { type Props, widget } from "./widget";

const TIMEOUT_MS = 120_000; // ms: a grid fetches the first rows before it shows

type Action = keyof CardActions;

type Doing = Action | "model";

const BUSY: Partial<Record<Doing, string>> = {
  cancel: "Cancelling …",
  pause: "Pausing …",
  resume: "Resuming …",
};

export function Card({ snapshot, connected, now, ask, listen }: Props<Snapshot, CardActions>) {
  const { status } = snapshot;
  const state = status.status;
  const reachable = connected && snapshot.trouble === undefined;
  const lost = !reachable && !ENDED.includes(state); // how a job ended, nothing changes
  const [asking, setAsking] = useState<Doing | null>(null);
  const [confirming, setConfirming] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [note, setNote] = useState("");
  const [tooLarge, setTooLarge] = useState<Kept | null>(null);
  const [logs, setLogs] = useState(false);
  const [details, setDetails] = useState(false);
  const [opened, setOpened] = useState<"view" | "report" | null>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const card = useRef<HTMLElement>(null);
  const confirmed = useRef(false);
  const pressed = useRef(false); // and nothing elsewhere was turned to since
  const inView = useInView(card);
  const before = useRef(status);
  useWitness((job) => job === status.jobId && inView.current === true);

  useEffect(() => {
    const ended =
      ENDED.includes(state) && before.current.jobId === status.jobId && !ENDED.includes(before.current.status);
    before.current = status;
    if (ended) {
      const text = status.error?.message ?? rows(status.rowsDone);
      const show = () => {
        card.current?.scrollIntoView({ block: "center" });
        card.current?.focus();
      };
      announce({ id: status.jobId, state, headline: headline(status), title: snapshot.title, text, show });
    }
  }, [status]);
  useEffect(() => setConfirming(false), [state]);
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

  const during = async (doing: Doing, work: () => Promise<unknown>) => {
    pressed.current = true;
    setConfirming(false);
    setRefusal("");
    setNote("");
    setAsking(doing);
    try {
      return await work();
    } catch (error) {
      setRefusal(messageOf(error));
      setTooLarge(error instanceof TooLarge ? error.file : null);
    } finally {
      setAsking(null);
    }
  };
  const press = <A extends Action>(action: A, body?: CardActions[A]) =>
    during(action, () => ask(action, body, { timeout: TIMEOUT_MS }));
  const take = (file: Kept) =>
    during(file === "model" ? "model" : "download", async () => {
      const progress = (share: number) => setNote(`Downloading ${Math.floor(100 * share)} %`);
      setNote(`Downloaded ${await download(file, ask, listen, progress)}`);
    });
  const save = async (file: Kept) => {
    setTooLarge(null);
    const saved = (await press("save", { file })) as { path: string } | undefined;
    if (saved) setNote(`Saved as ${saved.path}`);
  };
  const open = async (what: "view" | "report") => {
    const done = await press(opened === what ? "close" : what);
    if (done !== undefined) setOpened(opened === what ? null : what); // the answer to what was refused
  };

  const button = (
    action: Action,
    label: string,
    kind = "",
    pressed: () => unknown = () => press(action),
    doing: Doing = action,
  ) => (
    <button
      type="button"
      class={`dg-button ${kind}`}
      disabled={asking !== null || !reachable}
      onClick={() => void pressed()}
    >
      {asking === doing ? "…" : label}
    </button>
  );

  const ends = !ENDED.includes(state);
  return (
    <section
      ref={card}
      tabIndex={-1}
      class={`dg dg-card dg-${state} ${lost ? "dg-lost" : ""}`}
      aria-label={`Job ${snapshot.title}`}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !card.current?.contains(relatedTarget)) pressed.current = false;
      }}
    >
      <header class="dg-row dg-head">
        <span class="dg-state" role="status" aria-live="polite">
          <StateMark state={state} still={!reachable} />
          {!lost ? ((asking && BUSY[asking]) ?? headline(status)) : `Last seen ${WORDS[state].toLowerCase()}`}
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
          (reachable || lost) && (
            <span class="dg-buttons">
              {(state === "running" || state === "queued") && button("pause", "Pause")}
              {state === "paused" && button("resume", "Resume", "dg-primary")}
              {state === "completed" &&
                button("view", opened === "view" ? "Hide rows" : "View", opened === "view" ? "" : "dg-primary", () =>
                  open("view"),
                )}
              {state === "completed" &&
                button("report", opened === "report" ? "Hide report" : "Report", "", () => open("report"))}
              {state === "completed" && button("download", "Download", "", () => take("result"))}
              {snapshot.modelSize !== undefined &&
                button("download", "Download model", "", () => take("model"), "model")}
              {state === "failed" && button("edit", "Edit and rerun", mayHelp(status) ? "" : "dg-primary")}
              {!ends &&
                (state !== "failed" || mayHelp(status)) &&
                button("rerun", "Rerun", mayHelp(status) ? "dg-primary" : "dg-quiet")}
              <button
                type="button"
                class="dg-button dg-quiet"
                aria-expanded={logs}
                disabled={!reachable}
                onClick={() => setLogs(!logs)}
              >
                Logs
              </button>
              <button
                type="button"
                class="dg-button dg-quiet"
                aria-expanded={details}
                onClick={() => setDetails(!details)}
              >
                Details
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
          )
        )}
      </header>
      {ends && <Progress status={status} />}
      <Facts snapshot={snapshot} now={now} />
      {state === "failed" && <Failure status={status} now={now} />}
      {state !== "completed" && state !== "cancelled" && (
        <EstimateWarnings
          warnings={status.estimate?.warnings ?? []}
          fix={(field, value) => void press("edit", { field, value })}
          again
          disabled={asking !== null || !reachable}
        />
      )}
      {status.warnings.map((warning) => (
        <p class="dg-warning dg-text" key={warning}>
          {warning}
        </p>
      ))}
      {snapshot.reruns?.map((job) => (
        <p class="dg-muted" role="status" key={job}>
          Run again as {job}: <code class="dg-mono">client.jobs.get("{job}")</code>
        </p>
      ))}
      {note && (
        <p class="dg-muted dg-text" role="status">
          {note}
        </p>
      )}
      {refusal && (
        <p class="dg-warning dg-text" role="alert">
          {refusal} {tooLarge && button("save", "Save beside the notebook", "", () => save(tooLarge))}
        </p>
      )}
      {lost && (
        <p class="dg-warning" role="alert">
          {snapshot.trouble ?? "Not connected to the kernel."} The job goes on; run the cell again to see it.
        </p>
      )}
      {details && <Details snapshot={snapshot} />}
      {logs && reachable && <Logs job={status.jobId} ask={ask} listen={listen} />}
    </section>
  );
}

function mayHelp(status: JobStatus): boolean {
  return status.status === "failed" && details(status).retryHelps !== false;
}

const details = (status: JobStatus): FailureDetails => status.error?.details ?? {};

function headline(status: JobStatus): string {
  const { stage } = details(status);
  if (status.status === "failed" && stage) return `Failed in ${stage}`;
  return WORDS[status.status];
}

function Failure({ status, now }: { status: JobStatus; now: number }) {
  const { error } = status;
  if (!error) return null;
  const { remedy = "", retryHelps } = details(status);
  const what = remedy && error.message.endsWith(remedy) ? error.message.slice(0, -remedy.length).trim() : error.message;
  const help = { true: "Running it again may help.", false: "Running it again unchanged will not help." };
  return (
    <div class="dg-failure">
      <p class="dg-what dg-text">{what}</p>
      <p>
        {remedy && `${remedy} `}
        {retryHelps === undefined ? "" : help[`${retryHelps}`]}
      </p>
      <code class="dg-mono">
        {error.code} · attempt {status.attempt}
        {status.requestId && ` · request ${status.requestId}`}
        {status.endTime && (
          <time dateTime={status.endTime} title={instant(status.endTime)}>{` · ${ago(status.endTime, now)}`}</time>
        )}
      </code>
    </div>
  );
}

/** A cancelled job's card still counts its cooldown down. */
export default widget<Snapshot, CardActions>(
  css,
  Card,
  ({ status, cooldownUntil }) => ENDED.includes(status.status) && cooldownUntil === undefined,
);
