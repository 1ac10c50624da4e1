// The fourth step: the format of the result, where it goes, the name of the job.

import { useState } from "preact/hooks";
import type { WizardActions } from "../actions";
import type { Ask } from "../link";
import { Choice, Field, number, shown } from "./field";
import { type Change, type Snapshot, wrong } from "./snapshot";

const UNITS: [string, string][] = [
  ["60", "minutes"],
  ["3600", "hours"],
  ["86400", "days"],
];

interface Output {
  snapshot: Snapshot;
  ask: Ask<WizardActions>;
  edit: (changes: Change) => void;
}

export function Output({ snapshot, ask, edit }: Output) {
  const { config } = snapshot;
  const tags = Array.isArray(config.tags) ? config.tags.join(", ") : "";
  const words = (text: string) =>
    text
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
  return (
    <>
      <Choice
        label="Format"
        value={String(config.outputFormat ?? "")}
        options={snapshot.choices.outputFormat.map(({ name, label }) => [name, label])}
        change={(outputFormat) => edit({ outputFormat })}
        problem={wrong(snapshot, "outputFormat")}
      />
      <Field
        label={snapshot.sharesFiles ? "Also write it to a file" : "Path in your bucket"}
        value={snapshot.output}
        change={(path) => void ask("output", { path }).catch(() => undefined)}
        placeholder="optional"
        problem={wrong(snapshot, "outputPath") || wrong(snapshot, "outputBucket")}
        hint="The service keeps the result until it expires, with or without this."
      />
      <Field
        label="Name of the job"
        value={String(config.name ?? "")}
        change={(name) => edit({ name })}
        problem={wrong(snapshot, "name")}
      />
      <Field
        label="Tags"
        value={tags}
        change={(text) => edit({ tags: words(text) })}
        placeholder="demo, nightly"
        problem={wrong(snapshot, "tags")}
        hint="Separate tags by commas."
      />
      <details open={Boolean(wrong(snapshot, "timeout") || wrong(snapshot, "resumeWindow"))}>
        <summary>Timeouts</summary>
        <div class="dg-fields">
          <Time
            label="Timeout"
            seconds={config.timeout ?? 3600}
            change={(timeout) => edit({ timeout })}
            problem={wrong(snapshot, "timeout")}
          />
          <Time
            label="Can be resumed after a pause for"
            seconds={config.resumeWindow ?? 86_400}
            change={(resumeWindow) => edit({ resumeWindow })}
            problem={wrong(snapshot, "resumeWindow")}
          />
        </div>
      </details>
    </>
  );
}

interface Time {
  label: string;
  seconds: unknown;
  change: (seconds: number | string | null) => void;
  problem: string;
}

/** A span of time in the unit that says it best. */
function Time({ label, seconds, change, problem }: Time) {
  const best = [...UNITS].reverse().find(([unit]) => Number(seconds) >= Number(unit)) ?? UNITS[0];
  const [unit, setUnit] = useState(best?.[0] ?? "60");
  const value = typeof seconds === "number" ? shown(seconds / Number(unit)) : shown(seconds);
  return (
    <Field
      label={label}
      narrow
      value={value}
      change={(text) => {
        const read = number(text);
        change(typeof read === "number" ? read * Number(unit) : read);
      }}
      problem={problem}
      after={
        <select
          class="dg-input"
          aria-label={`${label}: unit`}
          onChange={({ currentTarget }) => setUnit(currentTarget.value)}
        >
          {UNITS.map(([one, words]) => (
            <option key={one} value={one} selected={one === unit}>
              {words}
            </option>
          ))}
        </select>
      }
    />
  );
}
