// The table itself: headers that sort and can be resized, a line for each job.

import { type ComponentChildren, Fragment } from "preact";
import { useRef } from "preact/hooks";
import { Menu } from "../menu";
import type { State } from "../snapshot";
import { ENDED, StateMark, WORDS } from "../state";
import { ago, clock, count, day, exact, ordinal, rough, size, span } from "../words";
import { LEAST } from "./columns";
import type { Column, Row, Snapshot, Sort } from "./snapshot";

const SOON = 7 * 86_400_000; // ms until an expiry is worth a word

export type Deed = "open" | "view" | "pause" | "resume" | "cancel" | "rerun" | "edit" | "delete";

interface Table {
  snapshot: Snapshot;
  columns: Column[];
  now: number;
  resize: (key: string, width: number) => void;
  sort: (by: Sort, order: "asc" | "desc") => void;
  select: (ids: string[]) => void;
  act: (deed: Deed, row: Row) => void;
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
    <table class="dg-table dg-jobs" style={{ minWidth: `${columns.reduce((sum, one) => sum + one.width, 76)}px` }}>
      <colgroup>
        <col style={{ width: "34px" }} />
        {columns.map((column) => (
          <col key={column.key} style={column.takesTheRest ? {} : { width: `${column.width}px` }} />
        ))}
        <col style={columns.some((one) => one.takesTheRest) ? { width: "42px" } : {}} />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">
            <input
              type="checkbox"
              aria-label="Mark all on this page"
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
                  aria-label={`Mark ${row.name || row.id}`}
                  checked={selected.includes(row.id)}
                  onClick={(event) => mark(index, event.currentTarget.checked, event.shiftKey)}
                />
              </td>
              {columns.map((column) => (
                <Cell key={column.key} column={column} row={row} now={now} open={() => act("open", row)} />
              ))}
              <td>
                <Actions row={row} act={(deed) => act(deed, row)} />
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
    <th ref={head} scope="col" aria-label={column.words} class={column.number ? "dg-n" : ""} aria-sort={by && (sorted ? SORTED[query.order] : "none")}>
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

function Cell({ column, row, now, open }: { column: Column; row: Row; now: number; open: () => void }) {
  const dash = <span class="dg-muted">–</span>;
  switch (column.key) {
    case "status":
      return (
        <td>
          <span class="dg-state">
            <StateMark state={row.status} />
            {state(row, now)}
          </span>
        </td>
      );
    case "name":
      return (
        <td>
          <span class="dg-named">
            <button type="button" class="dg-name-button dg-text" title={row.name || row.id} onClick={open}>
              {row.name || row.id}
            </button>
            {row.tags.map((tag) => (
              <span key={tag} class="dg-tag dg-text" title={tag}>
                {tag}
              </span>
            ))}
            {row.note && (
              <span class="dg-tag dg-noted" title={row.note} role="img" aria-label={`Note: ${row.note}`}>
                ✎
              </span>
            )}
            <Expiry row={row} now={now} />
          </span>
        </td>
      );
    case "rows":
      return <td class="dg-n">{count(row.rows)}</td>;
    case "created":
      return <td title={new Date(row.created).toLocaleString("en-GB")}>{ago(row.created, now)}</td>;
    case "ended":
      return <td>{row.ended ? ago(row.ended, now) : dash}</td>;
    case "took":
      return <td class="dg-n">{row.took === undefined ? dash : ENDED.includes(row.status) && row.took < 10 ? exact(row.took) : clock(row.took)}</td>;
    case "size":
      return <td class="dg-n">{row.size === undefined ? dash : size(row.size)}</td>;
    case "expires":
      return <td>{row.expires ? day(row.expires) : dash}</td>;
    case "note":
      return (
        <td class="dg-text" title={row.note}>
          {row.note || dash}
        </td>
      );
    default:
      return (
        <td>
          <code class="dg-mono">{row.id}</code>
        </td>
      );
  }
}

/** What matters of a job now. */
function state(row: Row, now: number): string {
  if (row.status === "running") return `Running ${Math.floor(row.progress)} %`;
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
  return <span class="dg-tag dg-fair" title={row.expires && `Its rows are deleted ${new Date(row.expires).toLocaleString("en-GB")}`}>{left > 0 ? `${rough(left / 1000)} left` : "expires now"}</span>;
}

const DEEDS: Record<Deed, string> = {
  open: "Open its card",
  view: "View its rows",
  pause: "Pause",
  resume: "Resume",
  cancel: "Cancel …",
  rerun: "Run again",
  edit: "Tags and note …",
  delete: "Delete …",
};

const POSSIBLE: Record<State, Deed[]> = {
  queued: ["open", "pause", "edit", "cancel"],
  running: ["open", "pause", "edit", "cancel"],
  paused: ["open", "resume", "edit", "cancel"],
  completed: ["open", "view", "rerun", "edit", "delete"],
  failed: ["open", "rerun", "edit", "delete"],
  cancelled: ["open", "rerun", "edit", "delete"],
};

function Actions({ row, act }: { row: Row; act: (deed: Deed) => void }) {
  return (
    <Menu name={`Actions for ${row.name || row.id}`} label={row.name || row.id} face="⋯">
      {POSSIBLE[row.status].map((deed) => (
        <button
          key={deed}
          type="button"
          class="dg-button dg-quiet dg-deed"
          onClick={(event) => {
            (event.currentTarget.closest("[popover]") as HTMLElement | null)?.hidePopover?.();
            act(deed);
          }}
        >
          {DEEDS[deed]}
        </button>
      ))}
    </Menu>
  );
}
