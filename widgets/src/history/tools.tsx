// Above the table: search, states, time, columns. Below it: what is marked, and the pages.

import { useEffect, useRef, useState } from "preact/hooks";
import type { HistoryActions, HistoryPeriod } from "../actions";
import { count } from "../format";
import type { Ask } from "../link";
import { Menu } from "../menu";
import { NotifySettings } from "../notify";
import type { State } from "../snapshot";
import { WORDS } from "../state";
import { COLUMNS, type Snapshot } from "./snapshot";

const MOMENT = 250; // ms
const STATES: State[] = ["running", "queued", "paused", "failed", "completed", "cancelled"];
type Period = HistoryPeriod["period"];

const PERIODS: [Period, string][] = [
  ["all", "Any time"],
  ["today", "Today"],
  ["7", "Last 7 days"],
  ["30", "Last 30 days"],
  ["range", "From – to"],
];

interface Tools {
  snapshot: Snapshot;
  ask: Ask<HistoryActions>;
  isShown: (key: string) => boolean;
  toggle: (key: string) => void;
}

export function Tools({ snapshot, ask, isShown, toggle }: Tools) {
  const { counts, query } = snapshot;
  const everything = STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const states = (chosen: State[]) => void ask("status", { states: chosen }).catch(() => undefined);
  return (
    <div class="dg-row dg-tools">
      <Search text={query.text} ask={ask} />
      <div class="dg-chips" role="group" aria-label="States">
        <Chip on={query.status.length === 0} words={`All ${count(everything)}`} press={() => states([])} />
        {STATES.filter((state) => (counts[state] ?? 0) > 0 || query.status.includes(state)).map((state) => {
          const on = query.status.includes(state);
          const next = on ? query.status.filter((one) => one !== state) : [...query.status, state];
          return (
            <Chip
              key={state}
              on={on}
              words={`${WORDS[state]} ${count(counts[state] ?? 0)}`}
              press={() => states(next)}
            />
          );
        })}
      </div>
      <Submitted period={query.period} ask={ask} />
      <Menu name="Columns" label="Columns" face="Columns" wide>
        {COLUMNS.map((column) => (
          <label key={column.key}>
            <input
              type="checkbox"
              checked={isShown(column.key)}
              disabled={column.key === "name"}
              onChange={() => toggle(column.key)}
            />
            {column.words}
          </label>
        ))}
      </Menu>
      <NotifySettings />
    </div>
  );
}

function Chip({ on, words, press }: { on: boolean; words: string; press: () => void }) {
  return (
    <button type="button" class={`dg-chip ${on ? "dg-on" : ""}`} aria-pressed={on} onClick={press}>
      {words}
    </button>
  );
}

function Search({ text, ask }: { text: string; ask: Ask<HistoryActions> }) {
  const [typed, setTyped] = useState(text);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => setTyped(text), [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      class="dg-input dg-search"
      type="search"
      placeholder="Search name, tag, note, id"
      aria-label="Search jobs"
      maxLength={200}
      value={typed}
      onInput={({ currentTarget }) => {
        const wanted = currentTarget.value;
        setTyped(wanted);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => void ask("text", { text: wanted }).catch(() => undefined), MOMENT);
      }}
    />
  );
}

function Submitted({ period, ask }: { period: Period; ask: Ask<HistoryActions> }) {
  const [chosen, setChosen] = useState(period);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  useEffect(() => setChosen(period), [period]);
  const say = (which: Period, since?: Date, until?: Date) =>
    void ask("period", {
      period: which,
      since: since?.toISOString() ?? null,
      until: until?.toISOString() ?? null,
    }).catch(() => undefined);
  const choose = (which: Period) => {
    setChosen(which);
    const today = new Date();
    today.setHours(0, 0, 0, 0);
    if (which === "all") say(which);
    else if (which === "today") say(which, today);
    else if (which !== "range") say(which, new Date(Date.now() - Number(which) * 86_400_000));
  };
  const range = (first: string, last: string) => {
    setFrom(first);
    setTo(last);
    const until = last ? new Date(`${last}T00:00`) : undefined;
    until?.setDate(until.getDate() + 1); // to the end of that day
    say("range", first ? new Date(`${first}T00:00`) : undefined, until);
  };
  return (
    <>
      <select
        class="dg-input"
        aria-label="Submitted"
        onChange={({ currentTarget }) => choose(currentTarget.value as Period)}
      >
        {PERIODS.map(([value, words]) => (
          <option key={value} value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
      {chosen === "range" && (
        <span class="dg-row">
          <input
            class="dg-input"
            type="date"
            aria-label="From"
            value={from}
            onChange={({ currentTarget }) => range(currentTarget.value, to)}
          />
          <input
            class="dg-input"
            type="date"
            aria-label="To"
            value={to}
            onChange={({ currentTarget }) => range(from, currentTarget.value)}
          />
        </span>
      )}
    </>
  );
}

interface Foot {
  snapshot: Snapshot;
  ask: Ask<HistoryActions>;
  select: (ids: string[]) => void;
  propose: (action: "cancel" | "delete", ids: string[]) => void;
}

export function Foot({ snapshot, ask, select, propose }: Foot) {
  const { selected, rows, first, total, more } = snapshot;
  const go = (to: "next" | "previous") => void ask(to).catch(() => undefined);
  return (
    <div class="dg-row dg-tools dg-below">
      <span class="dg-grow dg-muted" role="status">
        {selected.length ? `${count(selected.length)} selected` : ""}
      </span>
      {selected.length > 0 && (
        <>
          <button type="button" class="dg-button dg-quiet" onClick={() => select([])}>
            Clear
          </button>
          <button type="button" class="dg-button" onClick={() => propose("cancel", selected)}>
            Cancel
          </button>
          <button type="button" class="dg-button" onClick={() => propose("delete", selected)}>
            Delete
          </button>
        </>
      )}
      <span class="dg-muted">
        {rows.length ? `${count(first + 1)}–${count(first + rows.length)} of ${count(total)}` : ""}
      </span>
      <span class="dg-pages">
        <button
          type="button"
          class="dg-button dg-icon"
          aria-label="Previous page"
          disabled={first === 0}
          onClick={() => go("previous")}
        >
          ‹
        </button>
        <button
          type="button"
          class="dg-button dg-icon"
          aria-label="Next page"
          disabled={!more}
          onClick={() => go("next")}
        >
          ›
        </button>
      </span>
    </div>
  );
}
