// The viewer: search, filters and columns above a grid; what is shown, in words, below it.

import { useEffect, useRef, useState } from "preact/hooks";
import { count, rows as inRows } from "./format";
import { Menu } from "./menu";
import type { Rows } from "./viewer/cells";
import { writeClipboard } from "./viewer/clipboard";
import { ColumnMenu } from "./viewer/column-menu";
import { columnOf, joined, parts, words } from "./viewer/conditions";
import type { OneCell } from "./viewer/detail";
import { Grid, HEADER_HEIGHT } from "./viewer/grid";
import { useTools } from "./viewer/later";
import { type Choice, initialChoice, toggled } from "./viewer/layout";
import { ROW } from "./viewer/painter";
import { useProfiles } from "./viewer/profiles";
import {
  type Column,
  type Condition,
  type Counts,
  columnsOf,
  type Distinct,
  QUIET,
  type Query,
  type SentColumns,
  type Snapshot,
  type Sort,
  TIMEOUT_MS,
} from "./viewer/protocol";
import { Search } from "./viewer/search";
import type { Range } from "./viewer/selection";
import css from "./viewer.css";
import { type Props, widget } from "./widget";

const MOST_ROWS = 16; // that are seen at once

export * from "./viewer/later"; // what the tools import

export function Viewer(props: Props<Snapshot>) {
  const { schema } = props.snapshot;
  const [read, setRead] = useState<{ schema: number; columns: Column[] } | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isNewest = true;
    props.ask("columns", {}, QUIET).then(
      (sent) => isNewest && setRead({ schema, columns: columnsOf(sent as SentColumns) }),
      (error) => isNewest && setTrouble(String(error.message ?? error)),
    );
    return () => {
      isNewest = false;
    };
  }, [schema]);
  if (read?.columns.length === props.snapshot.columnCount)
    return <Table key={read.columns.length} columns={read.columns} {...props} />;
  return (
    <p class="dg dg-muted" role="status">
      {trouble || "Reading columns …"}
    </p>
  );
}

function Table({ columns, snapshot, connected, ask, listen }: Props<Snapshot> & { columns: Column[] }) {
  const { rows, epoch, query } = snapshot;
  const [choice, setChoice] = useState<Choice>(() => initialChoice(columns.length));
  const [trouble, setTrouble] = useState("");
  const [note, setNote] = useState("");
  const [opened, setOpened] = useState<{ row: number; column: number } | null>(null);
  const [marked, setMarked] = useState<{ range: Range; columns: number[] } | null>(null);
  const [charted, setCharted] = useState<number | null>(null);
  const [goTo, setGoTo] = useState<{ row: number; column: number; at: number } | null>(null);
  const section = useRef<HTMLElement>(null);
  const profiles = useProfiles(ask, epoch, JSON.stringify([query.filter, query.search]));
  const fail = (error: unknown) => setTrouble(error instanceof Error ? error.message : String(error));
  const [tools, load] = useTools(ask, fail);

  const change = (next: Partial<Query>) => {
    setTrouble("");
    setOpened(null);
    return ask("query", { ...query, ...next }, { timeout: TIMEOUT_MS }).catch(fail);
  };
  const sort = (column: number, add: boolean) => void change({ sorts: nextSorts(query.sorts, column, add) });
  const conditions = parts(query.filter);
  const nameOf = (column: number) => columns[column]?.name ?? "";
  const filter = (column: number, condition: Condition | null) => {
    const others = conditions.filter((one) => columnOf(one) !== column);
    void change({ filter: joined(condition ? [...others, condition] : others) });
  };
  const copy = async ({ top, bottom, left, right }: Range, order: number[], headers: boolean) => {
    try {
      const body = { start: top, stop: bottom + 1, columns: order.slice(left, right + 1), headers };
      const { text } = (await ask("copy", body, { timeout: TIMEOUT_MS })) as { text: string };
      await writeClipboard(text);
      const cells = (bottom - top + 1) * (right - left + 1);
      setNote(`${count(cells)} ${cells === 1 ? "cell" : "cells"} copied.`);
    } catch (error) {
      fail(error);
    }
  };
  const jump = (row: number, column: number) => setGoTo({ row, column, at: Date.now() });

  const height = HEADER_HEIGHT + ROW * Math.max(2, Math.min(rows, MOST_ROWS)) + 14;
  return (
    <section ref={section} class={`dg dgv ${connected ? "" : "dg-lost"}`} aria-label={`Table ${snapshot.title}`}>
      <div class="dg-row dg-tools">
        <Search query={query} ask={ask} jump={jump} failed={fail} />
        <ToolMenu name="Columns" label="Columns" face={columnsFace(choice, columns.length)} wide load={load}>
          {tools && (
            <tools.ColumnPanel
              columns={columns}
              choice={choice}
              choose={setChoice}
              goTo={(column) => jump(0, column)}
            />
          )}
        </ToolMenu>
        {snapshot.exportFormats.length > 0 && (
          <ToolMenu name="Export" label={`Export ${inRows(rows)}`} face="Export" wide load={load}>
            {tools && <tools.Export rows={rows} formats={snapshot.exportFormats} ask={ask} listen={listen} />}
          </ToolMenu>
        )}
      </div>
      {tools && charted !== null && (
        <tools.ChartPanel
          columns={columns}
          x={charted}
          epoch={epoch}
          count={(x, y) => ask("chart", { epoch, x, y }, QUIET) as Promise<Counts>}
          choose={setCharted}
          close={() => setCharted(null)}
        />
      )}
      {!isWhole(query) && (
        <div class="dg-row dgv-chips" role="group" aria-label="Filters and order">
          {conditions.map((condition) => {
            const text = words(condition, nameOf);
            const remove = () => void change({ filter: joined(conditions.filter((one) => one !== condition)) });
            return <Chip key={text} text={text} label={`Remove filter ${text}`} press={remove} />;
          })}
          {query.sorts.map(({ column, descending }) => {
            const text = `${nameOf(column)} ${descending ? "↓" : "↑"}`;
            return (
              <Chip
                key={text}
                text={text}
                label={`Remove sort by ${nameOf(column)}`}
                press={() => void change({ sorts: query.sorts.filter((one) => one.column !== column) })}
              />
            );
          })}
          <button
            type="button"
            class="dg-button dg-quiet"
            onClick={() => void change({ filter: null, sorts: [], search: "" })}
          >
            Clear all
          </button>
        </div>
      )}
      {snapshot.stale && (
        <p class="dg-warning dg-message dg-text" role="alert">
          {snapshot.stale}{" "}
          <button type="button" class="dg-button" onClick={() => void ask("reload").catch(fail)}>
            Reload
          </button>
        </p>
      )}
      <div class="dgv-main">
        {columns.length === 0 ? (
          <p class="dg-empty dg-muted">This table has no columns.</p>
        ) : (
          <Grid
            columns={columns}
            rows={rows}
            epoch={epoch}
            height={height}
            choice={choice}
            choose={setChoice}
            sorts={query.sorts}
            formats={query.formats}
            sort={sort}
            fit={(column) => {
              const { [column]: _, ...widths } = choice.widths;
              setChoice({ ...choice, widths });
            }}
            opened={load}
            menu={(column) => (
              <ColumnMenu
                sort={(descending) => void change({ sorts: [{ column, descending }] })}
                hide={() => setChoice({ ...choice, hidden: toggled(choice.hidden, column) })}
                chart={() => setCharted(column)}
                pin={() => setChoice({ ...choice, pinned: toggled(choice.pinned, column) })}
                isPinned={choice.pinned.includes(column)}
              >
                {tools && (
                  <>
                    <tools.FormatEditor
                      column={columns[column] as Column}
                      current={query.formats.find((one) => one.column === column)}
                      apply={(format) => {
                        const others = query.formats.filter((one) => one.column !== column);
                        void change({ formats: format ? [...others, format] : others });
                      }}
                    />
                    <tools.FilterEditor
                      column={columns[column] as Column}
                      current={conditions.find((one) => columnOf(one) === column)}
                      distinct={(search) => ask("distinct", { column, search }, QUIET) as Promise<Distinct>}
                      apply={(condition) => filter(column, condition)}
                    />
                  </>
                )}
              </ColumnMenu>
            )}
            profile={(column) => profiles.of(column)}
            brush={(column, from, to) => {
              const edges = profiles.of(column)?.edges ?? [];
              const [low, high] = [edges[from], edges[to + 1]];
              if (low !== undefined && high !== undefined) {
                filter(column, { kind: "range", column, low, high, includesHigh: to === edges.length - 2 });
              }
            }}
            seen={profiles.want}
            fetch={(start, stop, wanted) =>
              ask("rows", { epoch, start, stop, columns: wanted }, QUIET) as Promise<Rows>
            }
            failed={fail}
            open={(row, column) => {
              load();
              setOpened({ row, column });
            }}
            copy={(range, order, headers) => void copy(range, order, headers)}
            goTo={goTo}
            selected={(range, order) => {
              setMarked(range && { range, columns: order });
              void ask(
                "select",
                range ? { ...range, columns: order.slice(range.left, range.right + 1) } : {},
                QUIET,
              ).catch(() => undefined);
            }}
          />
        )}
        {tools && opened && (
          <tools.Detail
            column={columns[opened.column] as Column}
            row={opened.row}
            read={() => ask("cell", { epoch, ...opened }, QUIET) as Promise<OneCell>}
            close={() => {
              setOpened(null);
              section.current?.querySelector<HTMLElement>("[role=grid]")?.focus();
            }}
          />
        )}
      </div>
      <div class="dg-row dg-tools dg-below">
        <span role="status" class="dg-muted dg-grow">
          {trouble ? "" : `${sizeInWords(snapshot)}${note ? ` · ${note}` : ""}`}
        </span>
        {trouble && (
          <span role="alert" class="dg-warning dg-grow dg-text">
            {trouble}
          </span>
        )}
        {marked && (
          <>
            <button
              type="button"
              class="dg-button dg-quiet"
              onClick={() => void copy(marked.range, marked.columns, false)}
            >
              Copy
            </button>
            <button
              type="button"
              class="dg-button dg-quiet"
              onClick={() => void copy(marked.range, marked.columns, true)}
            >
              Copy with headers
            </button>
          </>
        )}
      </div>
    </section>
  );
}

const isWhole = ({ filter, sorts, search }: Query): boolean => filter === null && sorts.length === 0 && search === "";

/** A press sorts up, then down, then not; with Shift beside the other sorts. */
export function nextSorts(sorts: Sort[], column: number, add: boolean): Sort[] {
  const current = sorts.find((one) => one.column === column);
  const next =
    current === undefined ? [{ column, descending: false }] : current.descending ? [] : [{ column, descending: true }];
  if (!add) return next;
  return current === undefined ? [...sorts, ...next] : sorts.flatMap((one) => (one.column === column ? next : [one]));
}

function sizeInWords({ rows, totalRows, columnCount, isPartial, isReading, isCounting }: Snapshot): string {
  const some = rows === totalRows ? inRows(rows) : `${count(rows)}${isCounting ? "+" : ""} of ${inRows(totalRows)}`;
  return `${isPartial ? "First " : ""}${some} x ${count(columnCount)} columns${isReading ? ", still reading …" : ""}`;
}

const columnsFace = ({ hidden }: Choice, total: number): string =>
  hidden.length === 0 ? "Columns" : `${count(total - hidden.length)} of ${count(total)} columns`;

/** A menu of what is loaded when it is first opened. */
function ToolMenu({ load, children, ...menu }: Parameters<typeof Menu>[0] & { load: () => void }) {
  const [wasOpened, setOpened] = useState(false);
  const onOpen = () => {
    load();
    setOpened(true);
  };
  return (
    <Menu {...menu} onOpen={onOpen}>
      {wasOpened && children}
    </Menu>
  );
}

function Chip({ text, label, press }: { text: string; label: string; press: () => void }) {
  return (
    <button type="button" class="dg-chip dg-on dg-text" aria-label={label} title={label} onClick={press}>
      {text} ×
    </button>
  );
}

export default widget<Snapshot>(css, Viewer);
