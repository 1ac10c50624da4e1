// The table itself: headers that sort and can be resized, a line for each job.

import { type ComponentChildren, Fragment } from "preact";
import { useRef } from "preact/hooks";
import { ago, clock, count, day, exact, instant, ordinal, percent, rough, size, span } from "../format";
import { Menu } from "../menu";
import type { State } from "../snapshot";
import { ENDED, StateMark, WORDS } from "../state";
import { LEAST } from "./columns";
import type { Column, Row, Snapshot, Sort } from "./snapshot";

const SOON = 7 * 86_400_000; // ms until an expiry is worth a word

export type RowAction = "open" | "view" | "report" | "pause" | "resume" | "cancel" | "rerun" | "edit" | "delete";

interface Table {
  snapshot: Snapshot;
  columns: Column[];
  now: number;
  resize: (key: string, width: number) => void;
  sort: (by: Sort, order: "asc" | "desc") => void;
  select: (ids: string[]) => void;
  act: (action: RowAction, row: Row) => void;
  below: (row: Row) => ComponentChildren;
}

export function Table({ snapshot, columns, now, resize, sort, select, act, below }: Table) {
  const { rows, selected, query } = snapshot;
  const last = useRef(0);
  const all = rows.length > 0 && rows.every((row) => selected.includes(row.id));
  const mark = (index: number, on: boolean, range: boolean) => {
    const [from, to] = range ? [Math.min(last.current, index), Math.max(last.current, index)] : [index, index];
    const these = rows.slice(from, to + 1).map((row) => row.id);
    last.current = index;
    const others = selected.filter((id) => !these.includes(id));
    select(on ? [...others, ...these] : others);
  };
  return (
    <table class="dg-table dg-jobs" style={{ "--dg-least": `${columns.reduce((sum, one) => sum + one.width, 76)}px` }}>
      <colgroup>
        <col style={{ width: "34px" }} />
        {columns.map((column) => (
          <col
            key={column.key}
            class={`dg-c-${column.key}`}
            style={column.takesTheRest ? {} : { width: `${column.width}px` }}
          />
        ))}
        <col style={columns.some((one) => one.takesTheRest) ? { width: "42px" } : {}} />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">
            <input
              type="checkbox"
              aria-label="Select all on this page"
              checked={all}
              onChange={() =>
                select(
                  all
                    ? selected.filter((id) => !rows.some((row) => row.id === id))
                    : [...new Set([...selected, ...rows.map((row) => row.id)])],
                )
              }
            />
          </th>
          {columns.map((column) => (
            <Header key={column.key} column={column} query={query} sort={sort} resize={resize} />
          ))}
          <th scope="col">
            <span class="dg-unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <Fragment key={row.id}>
            <tr class={`dg-${row.status} ${selected.includes(row.id) ? "dg-marked" : ""}`}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Select ${row.name || row.id}`}
                  checked={selected.includes(row.id)}
                  onClick={(event) => mark(index, event.currentTarget.checked, event.shiftKey)}
                />
              </td>
              {columns.map((column) => (
                <td key={column.key} class={`dg-c-${column.key} ${column.number ? "dg-n" : ""}`}>
                  {column.key === "name" ? (
                    <Name row={row} now={now} shown={columns} open={() => act("open", row)} />
                  ) : (
                    <Value of={column.key} row={row} now={now} />
                  )}
                </td>
              ))}
              <td>
                <Actions row={row} act={(action) => act(action, row)} />
              </td>
            </tr>
            {below(row)}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

interface Header {
  column: Column;
  query: Snapshot["query"];
  sort: Table["sort"];
  resize: Table["resize"];
}

const SORTED = { asc: "ascending", desc: "descending" } as const;

function Header({ column, query, sort, resize }: Header) {
  const { sort: by } = column;
  const sorted = by !== undefined && query.sort === by;
  const start = useRef<{ at: number; width: number } | null>(null);
  const head = useRef<HTMLTableCellElement>(null);
  const width = () => head.current?.offsetWidth || column.width;
  const next = sorted && query.order === "desc" ? "asc" : "desc";
  return (
    <th
      ref={head}
      scope="col"
      aria-label={column.words}
      class={`dg-c-${column.key} ${column.number ? "dg-n" : ""}`}
      aria-sort={by && (sorted ? SORTED[query.order] : "none")}
    >
      {by ? (
        <button type="button" class="dg-sort" onClick={() => sort(by, next)}>
          {column.words}
          <span aria-hidden="true">{sorted ? (query.order === "desc" ? " ↓" : " ↑") : ""}</span>
        </button>
      ) : (
        column.words
      )}
      <span
        class="dg-grip"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={`Width of ${column.words}`}
        aria-valuenow={column.width}
        aria-valuemin={LEAST}
        aria-valuemax={1000}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = { at: event.clientX, width: width() };
        }}
        onPointerMove={(event) => {
          if (start.current) resize(column.key, start.current.width + event.clientX - start.current.at);
        }}
        onPointerUp={() => {
          start.current = null;
        }}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          resize(column.key, width() + step);
        }}
      />
    </th>
  );
}

interface NameCell {
  row: Row;
  now: number;
  shown: Column[];
  open: () => void;
}

const BRIEF = ["rows", "took", "size", "fidelity", "source", "created"];

/** The name with its tags; where the table is narrow, below it what has no column of its own there. */
function Name({ row, now, shown, open }: NameCell) {
  const brief = BRIEF.filter((key) => shown.some((one) => one.key === key) && isKnown(key, row));
  return (
    <>
      <span class="dg-named">
        <span class="dg-title">
          <button type="button" class="dg-name-button dg-text" title={row.name || row.id} onClick={open}>
            {row.name || row.id}
          </button>
          {row.note && (
            <span class="dg-tag dg-noted" title={row.note} role="img" aria-label={`Note: ${row.note}`}>
              ✎
            </span>
          )}
          <Expiry row={row} now={now} />
        </span>
        {row.tags.map((tag) => (
          <span key={tag} class="dg-tag dg-text" title={tag}>
            {tag}
          </span>
        ))}
      </span>
      <span class="dg-brief dg-muted">
        {brief.map((key, place) => (
          <Fragment key={key}>
            {place > 0 && " · "}
            <Value of={key} row={row} now={now} />
            {key === "rows" && (row.rows === 1 ? " row" : " rows")}
            {key === "fidelity" && " fidelity"}
          </Fragment>
        ))}
      </span>
    </>
  );
}

const isKnown = (key: string, row: Row): boolean => row[key as keyof Row] !== undefined;

function Value({ of: key, row, now }: { of: string; row: Row; now: number }) {
  if (key !== "status" && !isKnown(key, row)) return <span class="dg-muted">–</span>;
  switch (key) {
    case "status":
      return (
        <span class="dg-state" title={row.stage && `Failed in ${row.stage}`}>
          <StateMark state={row.status} />
          <span class="dg-cut">{state(row, now)}</span>
        </span>
      );
    case "rows":
      return <>{count(row.rows)}</>;
    case "created":
    case "ended":
      return <Moment at={row[key] as string} words={ago(row[key] as string, now)} />;
    case "expires":
      return <Moment at={row.expires as string} words={day(row.expires as string)} />;
    case "took": {
      const took = row.took as number;
      return <>{ENDED.includes(row.status) && took < 10 ? exact(took) : clock(took)}</>;
    }
    case "size":
      return <>{size(row.size as number)}</>;
    case "fidelity":
      return <>{`${(100 * (row.fidelity as number)).toFixed(1)} %`}</>;
    case "source":
      return (
        <span class="dg-text" title={row.source}>
          {row.source}
        </span>
      );
    case "note":
      return (
        <span class="dg-text" title={row.note}>
          {row.note || "–"}
        </span>
      );
    default:
      return <code class="dg-mono">{row.id}</code>;
  }
}

/** A time in short; in full, when one points at it. */
const Moment = ({ at, words }: { at: string; words: string }) => (
  <time dateTime={at} title={instant(at)}>
    {words}
  </time>
);

/** What matters of a job now. */
function state(row: Row, now: number): string {
  if (row.status === "running") return `Running ${percent(row.progress)}`;
  if (row.status === "failed" && row.stage) return `Failed in ${row.stage}`;
  if (row.status === "queued") {
    const left = row.startsAfter ? (Date.parse(row.startsAfter) - now) / 1000 : 0;
    if (left > 0) return `Starts in ${span(left)}`;
    return row.place ? `Queued ${ordinal(row.place)}` : "Queued";
  }
  return WORDS[row.status];
}

function Expiry({ row, now }: { row: Row; now: number }) {
  const left = row.expires && row.ended ? Date.parse(row.expires) - now : SOON;
  if (left >= SOON) return null;
  return (
    <span class="dg-tag dg-fair" title={row.expires && `Its rows are deleted on ${instant(row.expires)}`}>
      {left > 0 ? `${rough(left / 1000)} left` : "expires now"}
    </span>
  );
}

const ROW_ACTIONS: Record<RowAction, string> = {
  open: "Open its card",
  view: "View its rows",
  report: "Report on its quality",
  pause: "Pause",
  resume: "Resume",
  cancel: "Cancel …",
  rerun: "Run again",
  edit: "Tags and note …",
  delete: "Delete …",
};

const POSSIBLE: Record<State, RowAction[]> = {
  queued: ["open", "pause", "edit", "cancel"],
  running: ["open", "pause", "edit", "cancel"],
  paused: ["open", "resume", "edit", "cancel"],
  completed: ["open", "view", "report", "rerun", "edit", "delete"],
  failed: ["open", "rerun", "edit", "delete"],
  cancelled: ["open", "rerun", "edit", "delete"],
};

function Actions({ row, act }: { row: Row; act: (action: RowAction) => void }) {
  return (
    <Menu name={`Actions for ${row.name || row.id}`} label={row.name || row.id} face="⋯">
      {POSSIBLE[row.status].map((action) => (
        <button
          key={action}
          type="button"
          class="dg-button dg-quiet dg-action"
          onClick={(event) => {
            (event.currentTarget.closest("[popover]") as HTMLElement | null)?.hidePopover?.();
            act(action);
          }}
        >
          {ROW_ACTIONS[action]}
        </button>
      ))}
    </Menu>
  );
}
