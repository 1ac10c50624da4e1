// The newest jobs along the time: when each was there, and what became of it.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { clock, count, day, instant, rough, rows } from "../format";
import { StateMark, WORDS } from "../state";
import type { Bar } from "./snapshot";

const DAY = 86_400_000; // ms
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LENGTHS = [
  MINUTE,
  2 * MINUTE,
  4 * MINUTE,
  10 * MINUTE,
  20 * MINUTE,
  40 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  8 * DAY,
  30 * DAY,
  90 * DAY,
  366 * DAY,
];
const MAX_LANES = 8;
const MARK = 20; // px that a job takes at least
const LEGIBLE = 52; // px from which on its name is shown

export interface Placed {
  bar: Bar;
  lane: number;
  from: number; // 0 to 1
  wide: number;
}

/** How far the line reaches back, in ms: so far that two thirds of the jobs began on it, or a round span more. */
export function reach(bars: Bar[], now: number): number {
  const ages = bars.map((bar) => now - Date.parse(bar.created)).sort((a, b) => a - b);
  const most = ages[Math.ceil((ages.length * 2) / 3) - 1] ?? 0;
  return LENGTHS.find((length) => length > most) ?? most;
}

/** Each bar in the first lane that is free at its time; what began before is cut off at the edge. */
export function placed(bars: Bar[], now: number, length: number, least: number): Placed[] {
  const begin = now - length;
  const free: number[] = [];
  const found: Placed[] = [];
  for (const bar of [...bars].sort((a, b) => a.created.localeCompare(b.created))) {
    const end = Math.min(1, ((bar.ended ? Date.parse(bar.ended) : now) - begin) / length);
    if (end < 0) continue;
    const start = Math.max(0, (Date.parse(bar.created) - begin) / length);
    const from = Math.min(start, 1 - least);
    const wide = Math.max(end - from, least);
    let lane = free.findIndex((until) => until <= from);
    if (lane < 0) lane = free.length;
    if (lane >= MAX_LANES) continue;
    free[lane] = from + wide + 0.002;
    found.push({ bar, lane, from, wide });
  }
  return found;
}

export function Timeline({ bars, now, open }: { bars: Bar[]; now: number; open: (id: string) => void }) {
  const lines = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800); // px
  useLayoutEffect(() => {
    if (lines.current?.clientWidth) setWidth(lines.current.clientWidth);
  });
  const length = reach(bars, now);
  const shown = placed(bars, now, length, MARK / width);
  const lanes = Math.max(2, ...shown.map((one) => one.lane + 1));
  return (
    <section class="dg-part" aria-label="Recent jobs">
      <div class="dg-row">
        <h4 class="dg-grow">Recent jobs</h4>
        {bars.length > 0 && (
          <span class="dg-muted">
            {bars.length > shown.length && `${count(shown.length)} of the newest ${count(bars.length)}, `}the last{" "}
            {rough(length / 1000)}
          </span>
        )}
      </div>
      {bars.length === 0 && <span class="dg-muted">None yet.</span>}
      <div ref={lines} class="dg-lanes" hidden={bars.length === 0} style={{ height: `${lanes * 20}px` }}>
        {[0.25, 0.5, 0.75].map((at) => (
          <i key={at} style={{ left: `${at * 100}%` }} />
        ))}
        {shown.map(({ bar, lane, from, wide }) => (
          <button
            key={bar.id}
            type="button"
            class={`dg-bar-job dg-${bar.status}`}
            style={{ left: `${from * 100}%`, width: `${wide * 100}%`, top: `${lane * 20}px` }}
            title={describe(bar, now)}
            aria-label={describe(bar, now)}
            onClick={() => open(bar.id)}
          >
            <StateMark state={bar.status} still />
            {wide * width >= LEGIBLE && <span class="dg-text">{bar.name || bar.id}</span>}
          </button>
        ))}
      </div>
      <div class="dg-row dg-axis dg-muted" hidden={bars.length === 0}>
        <span class="dg-grow">{moment(now, length)}</span>
        <span class="dg-grow">{moment(now, length / 2)}</span>
        <span>now</span>
      </div>
    </section>
  );
}

function describe(bar: Bar, now: number): string {
  const end = bar.ended ? Date.parse(bar.ended) : now;
  const took = bar.started ? `, ${clock((end - Date.parse(bar.started)) / 1000)}` : "";
  return `${bar.name || bar.id}: ${WORDS[bar.status]}, ${rows(bar.rows)}${took}, submitted ${instant(bar.created)}`;
}

const moment = (now: number, before: number): string =>
  before < DAY ? `${rough(before / 1000)} ago` : day(new Date(now - before).toISOString());
