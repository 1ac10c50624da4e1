// The third step: what each column is taken to be.

import { useEffect, useRef, useState } from "preact/hooks";
import type { WizardActions } from "../actions";
import { count } from "../format";
import { type Ask, messageOf } from "../link";
import { type KindChoice, type Snapshot, wrong } from "./snapshot";

interface Column {
  name: string;
  label: string; // the name, cut
  type: string;
  kind: string;
  nulls: number;
  distinct: number;
  bars: { label: string; count: number }[];
  others: number;
  chosen: string | null;
}

interface Page {
  count: number;
  columns: Column[];
}

const MOMENT = 200; // ms

export function Columns({ snapshot, ask }: { snapshot: Snapshot; ask: Ask<WizardActions> }) {
  const [search, setSearch] = useState("");
  const [found, setFound] = useState<Page | null>(null);
  const [trouble, setTrouble] = useState("");
  const asked = useRef(0);
  const load = async (start: number, before: Column[]) => {
    const mine = ++asked.current;
    try {
      const page = (await ask("columns", { start, search })) as Page;
      if (mine === asked.current) setFound({ count: page.count, columns: [...before, ...page.columns] });
    } catch (error) {
      setTrouble(messageOf(error));
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(0, []), search ? MOMENT : 0);
    return () => clearTimeout(timer);
  }, [search, snapshot.revision]);
  const judge = (column: Column, kind: string) => {
    const chosen = kind === column.kind ? null : kind;
    setFound(
      (page) => page && { ...page, columns: page.columns.map((one) => (one === column ? { ...one, chosen } : one)) },
    );
    ask("column", { name: column.name, kind: chosen }).catch((error) => setTrouble(messageOf(error)));
  };
  const { rows = 0, lookedAt = rows } = snapshot.table ?? {};
  const of = lookedAt < rows ? `of ${count(lookedAt)} rows` : "";
  const more = found ? found.count - found.columns.length : 0;
  const problem = wrong(snapshot, "parameters.columns");
  return (
    <>
      <div class="dg-row">
        <p class="dg-grow dg-hint">
          {of ? `Judged by ${count(lookedAt)} rows spread over the table.` : "Judged by all rows."} Change what is
          wrong.
        </p>
        <input
          class="dg-input dg-search"
          type="search"
          placeholder="Search columns"
          aria-label="Search columns"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      </div>
      {problem && <p class="dg-problem dg-text">{problem}</p>}
      {trouble && (
        <p role="alert" class="dg-warning dg-text">
          {trouble}
        </p>
      )}
      {!found && rows > 0 && <p class="dg-muted">Reading …</p>}
      {found?.count === 0 && <p class="dg-muted">No column has “{search}” in its name.</p>}
      {found && found.columns.length > 0 && (
        <div class="dg-scroll" tabIndex={0} role="region" aria-label="Columns">
          <table class="dg-table">
            <thead>
              <tr>
                <th scope="col">Column</th>
                <th scope="col">Kind</th>
                <Head words="Missing" of={of} number />
                <Head words="Unique" of={of} number />
                <Head words="Values" of={of} />
              </tr>
            </thead>
            <tbody>
              {found.columns.map((column) => (
                <Row key={column.name} column={column} kinds={snapshot.choices.columnKind} judge={judge} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && (
        <button
          type="button"
          class="dg-button"
          onClick={() => void load(found?.columns.length ?? 0, found?.columns ?? [])}
        >
          Show {count(Math.min(more, 100))} more of {count(more)}
        </button>
      )}
    </>
  );
}

/** The head of a column of facts, with how many rows they were counted in. */
function Head({ words, of, number = false }: { words: string; of: string; number?: boolean }) {
  return (
    <th scope="col" class={number ? "dg-n" : ""}>
      {words}
      {of && <span class="dg-of">{of}</span>}
    </th>
  );
}

interface RowProps {
  column: Column;
  kinds: readonly KindChoice[];
  judge: (column: Column, kind: string) => void;
}

function Row({ column, kinds, judge }: RowProps) {
  const now = column.chosen ?? column.kind;
  const isKnown = kinds.some(({ name }) => name === column.kind);
  return (
    <tr>
      <th scope="row" title={column.label}>
        <span class="dg-text dg-clip">{column.label}</span>
        <code class="dg-mono">{column.type}</code>
      </th>
      <td>
        <select
          class={`dg-input ${column.chosen ? "dg-changed" : ""}`}
          aria-label={`Kind of ${column.label}`}
          onChange={({ currentTarget }) => judge(column, currentTarget.value)}
        >
          {(isKnown ? kinds : [...kinds, { name: column.kind, label: column.kind }]).map(({ name, label }) => (
            <option key={name} value={name} selected={name === now}>
              {label}
              {name === column.kind && column.chosen ? " (found)" : ""}
            </option>
          ))}
        </select>
      </td>
      <td class="dg-n">{column.nulls ? count(column.nulls) : "–"}</td>
      <td class="dg-n">{count(column.distinct)}</td>
      <td>
        <Histogram column={column} />
      </td>
    </tr>
  );
}

const WIDTH = 120;
const HEIGHT = 20;

function Histogram({ column }: { column: Column }) {
  const { bars } = column;
  if (bars.length === 0)
    return <span class="dg-muted">{column.kind === "unsupported" ? "–" : "almost all unique"}</span>;
  const most = Math.max(...bars.map((bar) => bar.count), 1);
  const width = WIDTH / Math.max(bars.length, 4);
  const top = bars.reduce((one, other) => (other.count > one.count ? other : one));
  const words = `Most often ${top.label}: ${count(top.count)} rows${column.others ? `; ${count(column.others)} of other values` : ""}`;
  return (
    <svg class="dg-histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
      {bars.map((bar, at) => {
        const height = bar.count ? Math.max((HEIGHT * bar.count) / most, 1) : 0;
        return (
          <g key={at}>
            <title>
              {bar.label}: {count(bar.count)}
            </title>
            <rect x={at * width} y={0} width={width} height={HEIGHT} class="dg-catch" />
            <rect x={at * width + 0.5} y={HEIGHT - height} width={width - 1} height={height} />
          </g>
        );
      })}
    </svg>
  );
}
