// The wizard: five steps from a table to a submitted job. The draft lives in the kernel; what is
// here shows it and asks for changes.

import { useEffect, useRef, useState } from "preact/hooks";
import type { WizardActions } from "./actions";
import { count } from "./format";
import { messageOf } from "./link";
import { type Props, widget } from "./widget";
import { Columns } from "./wizard/columns";
import { Data } from "./wizard/data";
import { Make } from "./wizard/make";
import { Output } from "./wizard/output";
import { Review } from "./wizard/review";
import { blocked, type Change, type Snapshot, STEPS, type Step } from "./wizard/snapshot";
import css from "./wizard.css";

const TITLES: Record<Step, string> = {
  data: "Data",
  make: "Make",
  columns: "Columns",
  output: "Output",
  review: "Review",
};

const QUESTIONS: Record<Step, string> = {
  data: "Which table?",
  make: "How many rows?",
  columns: "What kind is each column?",
  output: "What becomes of the result?",
  review: "",
};

const SUBMITTED = {
  below: "Submitted: its card is below.",
  alone: "Submitted: wizard.job in another cell shows its card.",
};
const TIMEOUT_MS = 60_000;

export function Wizard({ snapshot, connected, now, ask }: Props<Snapshot, WizardActions>) {
  const [refusal, setRefusal] = useState("");
  const [submitting, setSubmitting] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const walked = useRef(false);
  const last = blocked(snapshot);
  const reachable = (to: Step) => last === null || STEPS.indexOf(to) <= STEPS.indexOf(last);
  // No step beyond what is wrong.
  const step = last === null || reachable(snapshot.step) ? snapshot.step : last;
  const at = STEPS.indexOf(step);
  const next = STEPS[at + 1];

  useEffect(() => {
    if (walked.current) heading.current?.focus();
    walked.current = false;
  }, [step]);
  const fail = (error: unknown) => setRefusal(messageOf(error));
  const edit = (changes: Change) => {
    setRefusal("");
    ask("edit", { changes }).catch(fail);
  };
  const go = (to: Step) => {
    walked.current = true;
    setRefusal("");
    ask("step", { to }).catch(fail);
  };
  const submit = async () => {
    setSubmitting(true);
    setRefusal("");
    await ask("submit", {}, { timeout: TIMEOUT_MS }).catch(fail);
    setSubmitting(false);
  };
  const on = () => {
    if (next && reachable(next)) go(next);
  };

  return (
    <section class={`dg dg-wizard ${connected ? "" : "dg-lost"}`} aria-label="Wizard">
      <nav class="dg-rail" aria-label="Steps">
        <ol>
          {STEPS.map((one, index) => (
            <li key={one}>
              <button
                type="button"
                aria-current={one === step ? "step" : undefined}
                disabled={!connected || !reachable(one)}
                onClick={() => go(one)}
              >
                <span aria-hidden="true">
                  {mark(snapshot, one) ?? (reachable(one) && index < at ? "✓" : index + 1)}
                </span>
                <span class="dg-step">{TITLES[one]}</span>
              </button>
            </li>
          ))}
        </ol>
      </nav>
      <form
        class="dg-body"
        aria-label={TITLES[step]}
        onSubmit={(event) => {
          event.preventDefault();
          on();
        }}
        onKeyDown={(event) => {
          // A notebook keeps some keys for itself: the browser's own way from Enter is not relied on.
          if (event.key !== "Enter" || event.defaultPrevented || !(event.target instanceof HTMLInputElement)) return;
          event.preventDefault();
          on();
        }}
      >
        <h3 ref={heading} tabIndex={-1} class="dg-text">
          {step === "review" ? title(snapshot) : QUESTIONS[step]}
        </h3>
        {!connected && (
          <p class="dg-warning" role="alert">
            Not connected to the kernel. Run the cell again to go on.
          </p>
        )}
        <fieldset disabled={!connected}>
          {step === "data" && <Data snapshot={snapshot} ask={ask} edit={edit} />}
          {step === "make" && <Make snapshot={snapshot} edit={edit} />}
          {step === "columns" && <Columns snapshot={snapshot} ask={ask} />}
          {step === "output" && <Output snapshot={snapshot} ask={ask} edit={edit} />}
          {step === "review" && <Review snapshot={snapshot} ask={ask} edit={edit} now={now} />}
        </fieldset>
        {refusal && (
          <p role="alert" class="dg-warning dg-text">
            {refusal}
          </p>
        )}
        <footer class="dg-row dg-foot">
          <span class="dg-grow dg-muted" role="status">
            {step === "review" && snapshot.job ? SUBMITTED[snapshot.alone ? "alone" : "below"] : ""}
          </span>
          {at > 0 && (
            <button type="button" class="dg-button" disabled={!connected} onClick={() => go(STEPS[at - 1] as Step)}>
              Back
            </button>
          )}
          {next ? (
            <button type="submit" class="dg-button dg-primary" disabled={!connected || !reachable(next)}>
              Next
            </button>
          ) : (
            <button
              type="button"
              class={`dg-button ${snapshot.job ? "" : "dg-primary"}`}
              disabled={!connected || last !== null || submitting}
              onClick={() => void submit()}
            >
              {submitting ? "…" : snapshot.job ? "Submit again" : "Submit"}
            </button>
          )}
        </footer>
      </form>
    </section>
  );
}

/** Where something is wrong; that no table is chosen yet is nothing wrong. */
const mark = (snapshot: Snapshot, step: Step): string | null =>
  blocked(snapshot) === step && (step !== "data" || snapshot.trouble) ? "!" : null;

function title({ config, table }: Snapshot): string {
  const rows = typeof config.dataSize === "number" ? `${count(config.dataSize)} rows` : "Rows";
  return `${rows} like ${table?.label ?? "…"}`;
}

export default widget<Snapshot, WizardActions>(css, Wizard);
