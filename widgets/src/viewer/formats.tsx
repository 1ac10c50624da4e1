// How the cells of a column are written, chosen in its menu.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Column, Format } from "./protocol";

type Style = Format["style"];
type Fill = NonNullable<Format["fill"]>;

const STYLES: Partial<Record<Column["kind"], [Style, string][]>> = {
  number: [
    ["plain", "As it is"],
    ["thousands", "1,234,567"],
    ["percent", "Percent"],
    ["currency", "Currency"],
  ],
  date: [
    ["plain", "2026-03-01"],
    ["long_date", "1 Mar 2026"],
    ["month", "Mar 2026"],
  ],
  datetime: [
    ["plain", "As it is"],
    ["date", "2026-03-01"],
    ["long_date", "1 Mar 2026"],
    ["month", "Mar 2026"],
    ["time", "09:30"],
  ],
};
const FILLS: [Fill, string][] = [
  ["none", "None"],
  ["bar", "Bars"],
  ["scale", "Colour scale"],
];
const MAX_DECIMALS = 6;
const CURRENCIES = ["EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR"];

interface FormatEditorProps {
  column: Column;
  current: Format | undefined;
  apply: (format: Format | null) => void; // null is the plain text
}

export function FormatEditor({ column, current, apply }: FormatEditorProps) {
  // What was chosen here, since a second choice may come before the kernel's answer to the first.
  const [chosen, setChosen] = useState<Format>(current ?? { column: column.index, style: "plain" });
  const styles = STYLES[column.kind];
  if (styles === undefined) return null;
  const { style, decimals, currency, fill } = chosen;
  const change = (part: Partial<Format>) => {
    const next = {
      column: column.index,
      style,
      decimals: decimals ?? null,
      currency: currency ?? "EUR",
      fill: fill ?? "none",
      ...part,
    };
    const isPlain = next.style === "plain" && (next.decimals ?? null) === null && next.fill === "none";
    setChosen(next);
    apply(isPlain ? null : next);
  };
  const isNumber = column.kind === "number";
  const places = Array.from({ length: MAX_DECIMALS + 1 }, (_, count) => [String(count), String(count)]);
  return (
    <div class="dgv-formats" role="group" aria-label={`Format of ${column.name}`}>
      <Choice name="Format" value={style} choose={(one) => change({ style: one as Style })} options={styles} />
      {isNumber && (
        <Choice
          name="Decimals"
          value={String(decimals ?? "")}
          choose={(one) => change({ decimals: one === "" ? null : Number(one) })}
          options={[["", "As they are"], ...(places as [string, string][])]}
        />
      )}
      {style === "currency" && (
        <Choice
          name="Currency"
          value={currency ?? "EUR"}
          choose={(one) => change({ currency: one })}
          options={[...new Set([...CURRENCIES, currency ?? "EUR"])].map((code) => [code, code])}
        />
      )}
      {isNumber && (
        <Choice name="Fill" value={fill ?? "none"} choose={(one) => change({ fill: one as Fill })} options={FILLS} />
      )}
    </div>
  );
}

interface ChoiceProps {
  name: string;
  value: string;
  options: [string, ComponentChildren][];
  choose: (value: string) => void;
}

/** One of a few, under its name. */
export function Choice({ name, value, options, choose }: ChoiceProps) {
  return (
    <label>
      {name}
      <select
        class="dg-input"
        aria-label={name}
        value={value}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {options.map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
