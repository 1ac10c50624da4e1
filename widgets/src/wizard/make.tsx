// The second step: how many rows, and what steers the making.

import { count } from "../words";
import { Choice, Field, number, shown } from "./field";
import { type Change, type Snapshot, wrong } from "./snapshot";

export function Make({ snapshot, edit }: { snapshot: Snapshot; edit: (changes: Change) => void }) {
  const { config, table } = snapshot;
  const parameters = config.parameters;
  const set = (name: string) => (text: string) => edit({ parameters: { [name]: number(text) } });
  const rows = table?.rows ?? 0;
  const picks: [string, number][] = rows > 0 ? [["as many as yours", rows], ["× 10", 10 * rows]] : [];
  return (
    <>
      <Field
        label="Rows to make"
        value={shown(config.dataSize)}
        change={(text) => edit({ dataSize: number(text) })}
        problem={wrong(snapshot, "dataSize")}
        hint={table?.rows === undefined ? "" : `Yours has ${table.exact ? "" : "about "}${count(rows)}.`}
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
        hint="The same table, choices and seed give the same rows."
      />
      <details>
        <summary>More</summary>
        <div class="dg-fields">
          <Choice
            label="Kind of data"
            value="tabular"
            options={[["tabular", "A table"]]}
            change={(dataType) => edit({ dataType })}
          />
          <Choice
            label="Preset"
            value={String(parameters.preset ?? "balanced")}
            options={[["balanced", "Balanced"]]}
            change={(preset) => edit({ parameters: { preset } })}
            hint="Fidelity and speed, for most tables."
          />
          <Field
            label="Rows to learn from, at most"
            narrow
            value={shown(parameters.sampleRows)}
            change={set("sampleRows")}
            placeholder="50,000"
            problem={wrong(snapshot, "parameters.sampleRows")}
          />
          <Field
            label="Rows in one part of the result"
            narrow
            value={shown(parameters.partRows)}
            change={set("partRows")}
            placeholder="chosen for you"
            problem={wrong(snapshot, "parameters.partRows")}
          />
        </div>
      </details>
    </>
  );
}
