// How a column is filtered: an editor by its type.

import { useEffect, useState } from "preact/hooks";
import { count } from "../format";
import { COMPARED, type Compared, TEXTUAL, type Textual } from "./conditions";
import type { Column, Condition, Distinct } from "./protocol";

/** What is chosen from a list: an operator of the wire, or one that stands for more. */
type Operator = Compared | Textual | "range" | "is_null" | "not_null";
const EQUALITY: [Compared, string][] = [
  ["=", "is"],
  ["!=", "is not"],
];

const ORDERED = new Set<Column["kind"]>(["number", "date", "datetime", "time"]);
const INPUTS: Partial<Record<Column["kind"], string>> = { date: "date", datetime: "datetime-local", time: "time" };

export function operatorsOf({ kind }: Column): [Operator, string][] {
  const own: [Operator, string][] = ORDERED.has(kind)
    ? [...COMPARED, ["range", "between"]]
    : kind === "text"
      ? [...TEXTUAL, ...EQUALITY]
      : kind === "boolean"
        ? EQUALITY
        : [];
  return [...own, ["is_null", "is null"], ["not_null", "is not null"]];
}

interface EditorProps {
  column: Column;
  current: Condition | undefined;
  distinct: (search: string) => Promise<Distinct>;
  apply: (condition: Condition | null) => void;
}

/** How a column is filtered: by a condition, or by values of a list. */
export function FilterEditor({ column, current, distinct, apply }: EditorProps) {
  const [trouble, setTrouble] = useState("");
  return (
    <div class="dgv-filter">
      <ConditionForm column={column} current={current} apply={apply} />
      {column.kind !== "other" && (
        <ValueList column={column} current={current} distinct={distinct} apply={apply} failed={setTrouble} />
      )}
      {trouble && (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}

/** What an editor shows of the condition that holds now. */
function stateOf(current: Condition | undefined, usual: Operator) {
  const shown = { operator: usual, value: "", low: "", high: "" };
  switch (current?.kind) {
    case "compare":
    case "text":
      return { ...shown, operator: current.operator, value: current.value };
    case "range":
      return { ...shown, operator: "range" as const, low: current.low ?? "", high: current.high ?? "" };
    case "is_null":
      return { ...shown, operator: "is_null" as const };
    case "not":
      return { ...shown, operator: "not_null" as const };
    default:
      return shown;
  }
}

function ConditionForm({ column, current, apply }: Omit<EditorProps, "distinct">) {
  const operators = operatorsOf(column);
  const usual = operators[0]?.[0] ?? "=";
  const [{ operator, value, low, high }, setState] = useState(() => stateOf(current, usual));
  const set = (change: Partial<ReturnType<typeof stateOf>>) => setState((before) => ({ ...before, ...change }));
  const type = INPUTS[column.kind] ?? "text";
  const input = (label: string, shown: string, change: (value: string) => void) => (
    <input
      class="dg-input dg-grow"
      type={type}
      step={type === "text" ? undefined : "any"}
      inputMode={column.kind === "number" ? "decimal" : undefined}
      aria-label={label}
      value={shown}
      onInput={({ currentTarget }) => change(currentTarget.value)}
    />
  );
  const needsNone = operator === "is_null" || operator === "not_null";
  const submit = () => apply(conditionOf(column.index, operator, value, low, high));
  return (
    <form
      class="dg-row"
      aria-label={`Filter of ${column.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault(); // a notebook would run the cell
        submit();
      }}
    >
      <select
        class="dg-input"
        aria-label="Condition"
        value={operator}
        onChange={({ currentTarget }) => set({ operator: currentTarget.value as Operator })}
      >
        {operators.map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
      {!needsNone && operator !== "range" && input("Value", value, (text) => set({ value: text }))}
      {operator === "range" && input("From", low, (text) => set({ low: text }))}
      {operator === "range" && input("To", high, (text) => set({ high: text }))}
      <button type="submit" class="dg-button dg-primary">
        Filter
      </button>
      {current && (
        <button type="button" class="dg-button" onClick={() => apply(null)}>
          Clear
        </button>
      )}
    </form>
  );
}

function conditionOf(column: number, operator: Operator, value: string, low: string, high: string): Condition | null {
  if (operator === "is_null") return { kind: "is_null", column };
  if (operator === "not_null") return { kind: "not", condition: { kind: "is_null", column } };
  if (operator === "range") {
    return low || high ? { kind: "range", column, low: low || null, high: high || null } : null;
  }
  const textual = TEXTUAL.find(([one]) => one === operator)?.[0];
  if (textual) return { kind: "text", column, operator: textual, value, ignoreCase: textual !== "matches" };
  return { kind: "compare", column, operator: operator as Compared, value };
}

const SEARCH_AFTER = 200; // ms without a key

function ValueList({ column, current, distinct, apply, failed }: EditorProps & { failed: (why: string) => void }) {
  const [search, setSearch] = useState("");
  const [found, setFound] = useState<Distinct | null>(null);
  const [chosen, setChosen] = useState<(string | null)[]>(current?.kind === "one_of" ? current.values : []);
  useEffect(() => {
    let isNewest = true;
    const timer = setTimeout(
      () =>
        distinct(search).then(
          (values) => isNewest && setFound(values),
          (error) => isNewest && failed(String(error.message ?? error)),
        ),
      found === null ? 0 : SEARCH_AFTER,
    );
    return () => {
      isNewest = false;
      clearTimeout(timer);
    };
  }, [search]);
  const toggle = (value: string | null) =>
    setChosen(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  return (
    <div class="dgv-values">
      <input
        class="dg-input"
        type="search"
        aria-label={`Search the values of ${column.name}`}
        placeholder="Search values"
        value={search}
        onInput={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      <div class="dgv-list" role="group" aria-label={`Values of ${column.name}`}>
        {found === null && <span class="dg-muted">Counting …</span>}
        {found?.values.map(({ value, rows }) => (
          <label key={String(value)} class={value === null ? "dg-muted" : ""}>
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
            <span class="dg-grow dg-cut dg-text">{value === null ? "null" : value === "" ? "(empty)" : value}</span>
            <span class="dg-muted">{count(rows)}</span>
          </label>
        ))}
        {found?.more && <span class="dg-muted">More values: search for the one you need.</span>}
      </div>
      <button
        type="button"
        class="dg-button"
        disabled={chosen.length === 0}
        onClick={() => apply({ kind: "one_of", column: column.index, values: chosen })}
      >
        Show {chosen.length === 0 ? "chosen" : count(chosen.length)}
      </button>
    </div>
  );
}
