// A column's header: its name and type, how its values are spread, and what is done with it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../format";
import { Menu } from "../menu";
import type { Column, Profile, Sort } from "./protocol";

const TYPE_MARKS: Record<Column["kind"], string> = {
  number: "123",
  text: "abc",
  boolean: "t/f",
  date: "day",
  datetime: "date",
  time: "time",
  other: "{ }",
};
const MOVED = 5; // px until a press is a drag

export interface HeaderCellProps {
  id: string;
  column: Column;
  colindex: number;
  left: number;
  width: number;
  isPinned: boolean;
  isFocused: boolean;
  sort: Sort | undefined;
  rank: number; // among several sorts, from 1; 0 for the only one
  profile: Profile | undefined;
  menu: () => ComponentChildren;
  onMenu: () => void;
  onSort: (add: boolean) => void;
  onBrush: (from: number, to: number) => void;
  onResize: (width: number) => void;
  onFit: () => void;
  onDrop: (x: number) => void; // px from the left of the rows
  layerLeft: () => number;
}

export function HeaderCell(props: HeaderCellProps) {
  const { column, left, width, sort, rank, profile } = props;
  const [drag, setDrag] = useState<number | null>(null);
  const start = useRef<number | null>(null);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const sorted = sort === undefined ? "none" : sort.descending ? "descending" : "ascending";
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    start.current = event.clientX;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (start.current === null) return;
    const by = event.clientX - start.current;
    if (drag !== null || Math.abs(by) > MOVED) setDrag(by);
  };
  const onPointerUp = (event: PointerEvent) => {
    if (start.current === null) return;
    start.current = null;
    if (drag === null) props.onSort(event.shiftKey);
    else props.onDrop(event.clientX - props.layerLeft());
    setDrag(null);
  };
  return (
    <div
      id={props.id}
      class={`dgv-column ${props.isPinned ? "dgv-pinned" : ""} ${props.isFocused ? "dgv-focus" : ""} ${drag === null ? "" : "dgv-dragged"}`}
      role="columnheader"
      aria-colindex={props.colindex}
      aria-sort={sorted}
      data-column={column.index}
      style={{ transform: `translateX(${left + (drag ?? 0)}px)`, width: `${width}px` }}
    >
      <div
        class="dgv-name"
        title={`${column.name} · ${column.type}`}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={() => {
          start.current = null;
          setDrag(null);
        }}
      >
        <span class="dgv-type" aria-hidden="true">
          {TYPE_MARKS[column.kind]}
        </span>
        <span class="dgv-label dg-text">{column.name}</span>
        {sort && (
          <span class="dgv-sorted" aria-hidden="true">
            {sort.descending ? "↓" : "↑"}
            {rank > 0 ? rank : ""}
          </span>
        )}
      </div>
      <Menu
        name={`Column ${column.name}`}
        label={column.name}
        face="⋮"
        focusable={false}
        onOpen={(isOpen) => {
          if (isOpen) props.onMenu();
          setMenuOpen(isOpen);
        }}
      >
        {isMenuOpen && props.menu()}
      </Menu>
      <Spread profile={profile} width={width} onBrush={props.onBrush} />
      <span
        class="dgv-grip"
        aria-hidden="true"
        onDblClick={props.onFit}
        onPointerDown={(event) => {
          const { currentTarget: grip, clientX, pointerId } = event;
          grip.setPointerCapture(pointerId);
          const resize = (moved: PointerEvent) => props.onResize(width + moved.clientX - clientX);
          grip.addEventListener("pointermove", resize);
          grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", resize), { once: true });
        }}
      />
    </div>
  );
}

const BAR_HEIGHT = 22; // px

/** How the values are spread: a histogram to brush, or the most frequent ones; and the nulls. */
function Spread({
  profile,
  width,
  onBrush,
}: {
  profile: Profile | undefined;
  width: number;
  onBrush: HeaderCellProps["onBrush"];
}) {
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const box = useRef<SVGSVGElement>(null);
  useEffect(() => setBrush(null), [profile]);
  if (profile === undefined) return <div class="dgv-spread" />;
  const { edges = [], counts = [], top = [], nulls, rows } = profile;
  const most = Math.max(1, ...counts);
  const inner = Math.max(20, width - 12);
  const step = inner / Math.max(1, counts.length);
  const share = rows > 0 ? nulls / rows : 0;
  const binAt = (event: PointerEvent) => {
    const from = box.current?.getBoundingClientRect().left ?? 0;
    return Math.max(0, Math.min(counts.length - 1, Math.floor((event.clientX - from) / step)));
  };
  const facts = [
    profile.distinct === undefined ? "" : `${count(profile.distinct)} different`,
    nulls > 0 ? `${share < 0.001 ? "<0.1" : (100 * share).toFixed(1)} % null` : "",
  ].filter(Boolean);
  return (
    <div class="dgv-spread">
      {counts.length > 0 ? (
        <svg
          ref={box}
          width={inner}
          height={BAR_HEIGHT}
          role="img"
          aria-label={`Histogram from ${edges[0]} to ${edges.at(-1)}`}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            setBrush([binAt(event), binAt(event)]);
          }}
          onPointerMove={(event) => brush && setBrush([brush[0], binAt(event)])}
          onPointerUp={() => {
            if (brush) onBrush(Math.min(...brush), Math.max(...brush));
            setBrush(null);
          }}
        >
          {counts.map((held, place) => {
            const height = held === 0 ? 0 : Math.max(1, (BAR_HEIGHT * held) / most);
            const isOn = brush !== null && place >= Math.min(...brush) && place <= Math.max(...brush);
            return (
              <rect
                key={edges[place]}
                class={isOn ? "dgv-bar dgv-on" : "dgv-bar"}
                x={place * step}
                y={BAR_HEIGHT - height}
                width={Math.max(1, step - 1)}
                height={height}
              >
                <title>{`${edges[place]} to ${edges[place + 1]}: ${count(held)} rows`}</title>
              </rect>
            );
          })}
        </svg>
      ) : (
        <div class="dgv-top" style={{ width: `${inner}px`, height: `${BAR_HEIGHT}px` }}>
          {top.map(({ value, rows: held }) => (
            <span
              key={String(value)}
              class="dgv-share dg-text"
              style={{ flexGrow: held }}
              title={`${value ?? "null"}: ${count(held)} rows`}
            >
              {value ?? "null"}
            </span>
          ))}
        </div>
      )}
      <div class="dgv-nulls" style={{ width: `${inner}px` }} title={facts.join(" · ")}>
        <span style={{ width: `${100 * share}%` }} />
      </div>
    </div>
  );
}
