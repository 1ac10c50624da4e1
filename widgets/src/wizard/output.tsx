// The fourth step: what the result is written as, where it goes, what the job is called.

import { useState } from "preact/hooks";
import type { Ask } from "../link";
import { Choice, Field, number, shown } from "./field";
import { type Change, type Snapshot, wrong } from "./snapshot";

const FORMATS: [string, string][] = [
  ["parquet", "Parquet"],
  ["csv", "CSV"],
  ["jsonl", "JSON Lines"],
  ["json", "JSON"],
];

const UNITS: [string, string][] = [
  ["60", "minutes"],
  ["3600", "hours"],
  ["86400", "days"],
];

interface Output {
  snapshot: Snapshot;
  ask: Ask;
  edit: (changes: Change) => void;
}

export function Output({ snapshot, ask, edit }: Output) {
  const { config } = snapshot;
  const tags = Array.isArray(config.tags) ? config.tags.join(", ") : "";
  const words = (text: string) => text.split(",").map((tag) => tag.trim()).filter(Boolean);
  return (
    <>
      <Choice
        label="Format"
        value={String(config.outputFormat ?? "")}
        options={FORMATS}
        change={(outputFormat) => edit({ outputFormat })}
        problem={wrong(snapshot, "outputFormat")}
      />
      <Field
        label={snapshot.sharesFiles ? "Also write it to a file" : "Name it in your bucket"}
        value={snapshot.output}
        change={(path) => void ask("output", { path }).catch(() => undefined)}
        placeholder="no: the service keeps it"
        problem={wrong(snapshot, "outputPath") || wrong(snapshot, "outputBucket")}
        hint="The service keeps the result in any case, until it expires."
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
        hint="Words to find it by, with commas between them."
      />
      <details open={Boolean(wrong(snapshot, "timeout") || wrong(snapshot, "resumeWindow"))}>
        <summary>Time</summary>
        <div class="dg-fields">
          <Time
            label="May run for"
            seconds={config.timeout ?? 3600}
            change={(timeout) => edit({ timeout })}
            problem={wrong(snapshot, "timeout")}
          />
          <Time
            label="Once paused, can be resumed for"
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
        const said = number(text);
        change(typeof said === "number" ? said * Number(unit) : said);
      }}
      problem={problem}
      after={
        <select class="dg-input" aria-label={`${label}: unit`} onChange={({ currentTarget }) => setUnit(currentTarget.value)}>
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
