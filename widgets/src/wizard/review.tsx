// The last step: what the job is expected to take, a preview, and the cell that submits the same.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { WizardActions } from "../actions";
import { about, ordinal, size, span } from "../format";
import { type Ask, messageOf } from "../link";
import { EstimateWarnings } from "../warnings";
import type { Change, Estimate, Limits, Snapshot } from "./snapshot";

interface Rows {
  columns: string[];
  yours: unknown[][];
  new: unknown[][];
  notes: string[];
}

const TIMEOUT_MS = 60_000;
const EVERY = 5_000; // ms between two looks at the limits

interface Review {
  snapshot: Snapshot;
  ask: Ask<WizardActions>;
  edit: (changes: Change) => void;
  now: number;
}

export function Review({ snapshot, ask, edit, now }: Review) {
  const limits = useLimits(ask, snapshot.job);
  return (
    <>
      <p class="dg-row dg-expected">
        {snapshot.estimate && <Expected estimate={snapshot.estimate} />}
        {snapshot.estimateTrouble && <span class="dg-warning dg-text">{snapshot.estimateTrouble}</span>}
        {limits && <Slot limits={limits} now={now} />}
      </p>
      {snapshot.estimate && (
        <EstimateWarnings warnings={snapshot.estimate.warnings} fix={(field, value) => edit({ [field]: value })} />
      )}
      <Preview key={JSON.stringify(snapshot.config)} ask={ask} />
      {snapshot.code && <Code text={snapshot.code} />}
    </>
  );
}

function Expected({ estimate }: { estimate: Estimate }) {
  const time = between(about(estimate.secondsLow), about(Math.max(estimate.secondsHigh, 1)));
  const bytes = between(size(estimate.bytesLow), size(estimate.bytesHigh));
  const basis =
    estimate.basis === "measured"
      ? `measured on ${estimate.jobs} earlier jobs`
      : "a first guess: no job has run here yet";
  return (
    <span title={basis}>
      {time} · {bytes}
      {estimate.cost === undefined ? "" : ` · costs ${estimate.cost.toFixed(2)}`}
    </span>
  );
}

/** A range in words; a unit that both ends share is written once. */
function between(low: string, high: string): string {
  if (low === high) return `about ${low}`;
  if (low.startsWith("0 ")) return `up to ${high}`;
  const unit = high.split(" ").pop();
  return low.split(" ").length === 2 && low.endsWith(` ${unit}`) && high.split(" ").length === 2
    ? `${low.split(" ")[0]} to ${high}`
    : `${low} to ${high}`;
}

function Slot({ limits, now }: { limits: Limits; now: number }) {
  const left = limits.cooldownUntil ? (Date.parse(limits.cooldownUntil) - now) / 1000 : 0;
  if (!limits.allowed) return <span class="dg-warning dg-text">{limits.reason}</span>;
  if (left > 0) return <span class="dg-fair">starts in {span(left)}: a job was cancelled</span>;
  if (limits.currentJobs >= limits.maxJobs) {
    const place = ordinal(limits.waitingJobs + 1);
    return (
      <span class="dg-fair">
        {place} in the queue: all {limits.maxJobs} slots are taken
      </span>
    );
  }
  return <span title={`${limits.currentJobs} of ${limits.maxJobs} jobs are running`}>starts at once</span>;
}

/** The limits as they are now, for as long as they are in view. */
function useLimits(ask: Ask<WizardActions>, job: string | undefined): Limits | null {
  const [limits, setLimits] = useState<Limits | null>(null);
  useEffect(() => {
    let gone = false;
    const look = () => {
      if (document.hidden) return;
      ask("limits").then(
        (them) => !gone && setLimits(them as Limits),
        () => undefined,
      );
    };
    look();
    const timer = setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
    return () => {
      gone = true;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [job]);
  return limits;
}

function Preview({ ask }: { ask: Ask<WizardActions> }) {
  const [rows, setRows] = useState<Rows | null>(null);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const gone = useRef(false);
  const look = async () => {
    setBusy(true);
    setTrouble("");
    try {
      const made = (await ask("preview", {}, { timeout: TIMEOUT_MS })) as Rows;
      if (!gone.current) setRows(made);
    } catch (error) {
      if (!gone.current) setTrouble(messageOf(error));
    }
    if (!gone.current) setBusy(false);
  };
  const stop = () => {
    setBusy(false);
    ask("stop").catch(() => undefined);
  };
  useEffect(() => {
    void look();
    return () => {
      gone.current = true;
    };
  }, []);
  return (
    <section class="dg-preview" aria-label="Preview" aria-busy={busy}>
      <div class="dg-row">
        <span class="dg-grow dg-muted" role="status">
          {busy ? "Fitting a sample …" : rows ? "" : "No preview yet."}
        </span>
        {busy ? (
          <button type="button" class="dg-button dg-quiet" onClick={stop}>
            Stop
          </button>
        ) : (
          !rows && (
            <button type="button" class="dg-button" onClick={() => void look()}>
              Preview
            </button>
          )
        )}
      </div>
      {trouble && !busy && (
        <p role="alert" class="dg-warning dg-text">
          {trouble}
        </p>
      )}
      {rows && <Compared rows={rows} />}
    </section>
  );
}

/** A value to be compared at a glance: of a float six digits. */
const brief = (value: unknown): string =>
  typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);

function Compared({ rows }: { rows: Rows }) {
  const scroll = useRef<HTMLDivElement>(null);
  const [isCut, setCut] = useState(false);
  useLayoutEffect(() => {
    const at = scroll.current;
    if (at) setCut(at.scrollWidth > at.clientWidth + 1);
  }, [rows]);
  const numbers = rows.columns.map((_, at) => rows.new.every((row) => row[at] === null || typeof row[at] === "number"));
  const line = (kind: "yours" | "new") => (row: unknown[], index: number) => (
    <tr key={`${kind}${index}`} class={kind === "new" ? "dg-new" : ""}>
      <th scope="row">{kind}</th>
      {row.map((value, at) => (
        <td key={at} class={numbers[at] ? "dg-n" : ""}>
          {value === null ? (
            <span class="dg-muted">null</span>
          ) : (
            <span class="dg-text dg-clip" title={String(value)}>
              {brief(value)}
            </span>
          )}
        </td>
      ))}
    </tr>
  );
  return (
    <>
      <div ref={scroll} class="dg-scroll dg-sideways" tabIndex={0} role="region" aria-label="Your rows and new ones">
        <table class="dg-table">
          <thead>
            <tr>
              <th scope="col">Preview</th>
              {rows.columns.map((name, at) => (
                <th key={at} scope="col" class={numbers[at] ? "dg-n" : ""} title={name}>
                  <span class="dg-text dg-clip">{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.yours.slice(0, 3).map(line("yours"))}
            {rows.new.slice(0, 5).map(line("new"))}
          </tbody>
        </table>
      </div>
      {isCut && <p class="dg-hint">Scroll sideways: {rows.columns.length} columns.</p>}
      {rows.notes.map((note) => (
        <p key={note} class="dg-hint dg-text">
          {note}
        </p>
      ))}
    </>
  );
}

function Code({ text }: { text: string }) {
  const [note, setNote] = useState("");
  const code = useRef<HTMLPreElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setNote("Copied");
    } catch {
      // Not over plain HTTP, or not allowed: then it is selected, to be copied by hand.
      if (code.current) getSelection()?.selectAllChildren(code.current);
      setNote("Selected: press Ctrl+C");
    }
    setTimeout(() => setNote(""), 3_000);
  };
  return (
    <section class="dg-code" aria-label="The same as a cell">
      <pre ref={code} tabIndex={0} class="dg-text">
        {text}
      </pre>
      <button type="button" class="dg-button dg-quiet" onClick={() => void copy()}>
        {note || "Copy as cell"}
      </button>
    </section>
  );
}
