// The second step: how many rows, and how they are made.

import { count } from "../format";
import { Choice, Field, shown, tidy, whole } from "./field";
import { type Change, type Snapshot, wrong } from "./snapshot";

interface OneOf {
  label: string;
  values: string[]; // the first is usual
  value: unknown;
  change: (value: string) => void;
}

/** Nothing, where nothing can be chosen. */
function OneOf({ label, values, value, change }: OneOf) {
  if (values.length < 2) return null;
  const options = values.map((one): [string, string] => [one, one]);
  return <Choice label={label} value={String(value ?? values[0])} options={options} change={change} />;
}

export function Make({ snapshot, edit }: { snapshot: Snapshot; edit: (changes: Change) => void }) {
  const { config, table } = snapshot;
  const parameters = config.parameters;
  const set = (name: string) => (text: string) => edit({ parameters: { [name]: whole(text) } });
  const rows = table?.rows ?? 0;
  const picks: [string, number][] =
    rows > 0
      ? [
          ["as many as your table", rows],
          ["× 10", 10 * rows],
        ]
      : [];
  return (
    <>
      <Field
        label="Rows to make"
        tidy={tidy}
        value={shown(config.dataSize)}
        change={(text) => edit({ dataSize: whole(text) })}
        problem={wrong(snapshot, "dataSize")}
        hint={table?.rows === undefined ? "" : `Your table has ${table.exact ? "" : "about "}${count(rows)}.`}
        after={picks.map(([words, value]) => (
          <button
            key={words}
            type="button"
            class={`dg-chip ${config.dataSize === value ? "dg-on" : ""}`}
            aria-pressed={config.dataSize === value}
            onClick={() => edit({ dataSize: value })}
          >
            {words}
          </button>
        ))}
      />
      <Field
        label="Seed"
        value={shown(parameters.seed).replaceAll(",", "")}
        change={set("seed")}
        placeholder="0"
        problem={wrong(snapshot, "parameters.seed")}
        hint="The same table, settings and seed give the same rows."
      />
      <details>
        <summary>More</summary>
        <div class="dg-fields">
          <OneOf
            label="Kind of data"
            values={snapshot.choices.dataType}
            value={config.dataType}
            change={(dataType) => edit({ dataType })}
          />
          <OneOf
            label="Preset"
            values={snapshot.choices.preset}
            value={parameters.preset}
            change={(preset) => edit({ parameters: { preset } })}
          />
          <Field
            label="Rows to train on, at most"
            narrow
            value={shown(parameters.sampleRows)}
            change={set("sampleRows")}
            placeholder="50,000"
            problem={wrong(snapshot, "parameters.sampleRows")}
          />
          <Field
            label="Rows per part of the result"
            narrow
            value={shown(parameters.partRows)}
            change={set("partRows")}
            placeholder="automatic"
            problem={wrong(snapshot, "parameters.partRows")}
          />
        </div>
      </details>
    </>
  );
}
