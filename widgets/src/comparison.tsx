// Two tables beside each other: how their columns differ, and one scrolling for both. The tables are
// widgets of their own in the same box.

import { useEffect, useRef } from "preact/hooks";
import css from "./comparison.css";
import { count } from "./format";
import type { ComparedColumn, ComparisonSnapshot } from "./snapshots";
import { type Props, widget } from "./widget";

const BOX = ".datagen-comparison";
const SCROLLER = ".dgv-scroller";

export function Comparison({ snapshot, connected }: Props<ComparisonSnapshot>) {
  const section = useRef<HTMLElement>(null);
  useEffect(() => scrollTogether(() => section.current?.closest(BOX) ?? null), []);
  const { titles, columns, leftOut, isCounting, trouble } = snapshot;
  const others = leftOut > 0 ? `, ${count(leftOut)} not compared` : "";
  return (
    <section ref={section} class={`dg dgc ${connected ? "" : "dg-lost"}`} aria-label="Differences">
      {trouble && (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      )}
      <p role="status" class="dg-muted dg-text">
        {isCounting
          ? "Counting differences …"
          : `Table ${titles.join(" (left), table ")} (right): ${count(columns.length)} columns${others}`}
      </p>
      <div class="dgc-rows" tabIndex={0} role="group" aria-label="Columns">
        <table>
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Difference</th>
              <th scope="col">Missing</th>
              <th scope="col">Different values</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <Row key={column.name} column={column} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ column: { name, nulls, distinct, distance } }: { column: ComparedColumn }) {
  return (
    <tr>
      <th scope="row" class="dg-text">
        <bdi>{name}</bdi>
      </th>
      <td>
        {distance === undefined ? (
          <span class="dg-muted">not measured</span>
        ) : (
          <span class="dgc-share">
            <span class="dgc-bar" style={{ width: `${Math.round(60 * distance)}px` }} />
            {percent(distance)}
          </span>
        )}
      </td>
      <td>{nulls.map(percent).join(" → ")}</td>
      <td>{distinct.map(count).join(" → ")}</td>
    </tr>
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Keep the scrolled places within a box equal; returns how to stop. */
export function scrollTogether(box: () => Element | null): () => void {
  const placed = new WeakMap<Element, string>();
  const place = ({ scrollTop, scrollLeft }: Element) => `${scrollTop} ${scrollLeft}`;
  const follow = ({ target }: Event) => {
    if (!(target instanceof Element) || !target.matches(SCROLLER)) return;
    const around = box();
    if (!around?.contains(target)) return;
    if (placed.get(target) === place(target)) return void placed.delete(target); // our own echo
    for (const other of around.querySelectorAll(SCROLLER)) {
      if (other === target) continue;
      const before = place(other);
      other.scrollTop = target.scrollTop;
      other.scrollLeft = target.scrollLeft;
      if (place(other) !== before) placed.set(other, place(other));
    }
  };
  document.addEventListener("scroll", follow, { capture: true, passive: true }); // it does not bubble
  return () => document.removeEventListener("scroll", follow, { capture: true });
}

export default widget<ComparisonSnapshot>(css, Comparison);
