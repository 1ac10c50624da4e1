// The table: a header over rows of which only those that are seen exist. A grid to a screen reader,
// a spreadsheet to a keyboard.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { CellCache, type Fetch } from "./cells";
import { HeaderCell } from "./header";
import { type Choice, Layout, move, resized } from "./layout";
import { Painter, ROW } from "./painter";
import type { Column, Format, Profile, Sort } from "./protocol";
import { ScrollMap } from "./scroll";
import { HEADER, moved, type Range, rangeOf, type Selection } from "./selection";

export const HEADER_HEIGHT = 68; // px
const WHEEL_LINE = ROW; // px of a wheel that counts in lines

export interface GridProps {
  columns: Column[];
  rows: number; // of the view
  epoch: number; // of the view: with another one, no row is what it was
  height: number; // px of header and rows
  choice: Choice;
  choose: (choice: Choice) => void;
  sorts: Sort[];
  formats: Format[];
  sort: (column: number, add: boolean) => void;
  fit: (column: number) => void;
  menu: (column: number) => ComponentChildren;
  opened: () => void; // a menu
  profile: (column: number) => Profile | undefined;
  brush: (column: number, from: number, to: number) => void;
  seen: (columns: number[]) => void; // those whose headers are on the screen
  fetch: Fetch;
  failed: (error: Error) => void;
  open: (row: number, column: number) => void;
  copy: (range: Range, columns: number[], headers: boolean) => void;
  goTo: { row: number; column: number; at: number } | null; // another `at` goes there anew
  selected: (range: Range | null, columns: number[]) => void;
}

export function Grid(props: GridProps) {
  const { columns, rows, epoch, height, choice, sorts } = props;
  const id = useId();
  const grid = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ width: 800, left: 0 });
  const [selection, setSelection] = useState<Selection | null>(null);
  const newest = useRef(props);
  newest.current = props;

  const numbers = 20 + 8 * Math.max(2, rows.toLocaleString("en-US").length);
  const layout = useMemo(() => new Layout(choice, (column) => columns[column]?.width ?? 96), [choice, columns]);
  const inner = Math.max(0, view.width - numbers);
  const places = layout.visible(view.left, inner);
  const bodyHeight = Math.max(0, height - HEADER_HEIGHT);
  const scroll = useMemo(() => new ScrollMap(), []);
  const painter = useRef<Painter>();
  const direction = useRef<-1 | 0 | 1>(0);

  const cells = useMemo(
    () =>
      new CellCache(
        (...wish) => newest.current.fetch(...wish),
        () => paint.current(),
        (error) => newest.current.failed(error),
      ),
    [],
  );
  const paint = useRef<() => void>(() => undefined);
  paint.current = () => {
    if (body.current === null) return;
    painter.current ??= new Painter(body.current, id);
    const [first, end] = painter.current.paint(
      {
        top: scroll.top,
        left: view.left,
        rows,
        height: bodyHeight,
        numbers,
        layout,
        places,
        range: selection && selection.focus.row !== HEADER ? rangeOf(selection) : null,
        focus: selection?.focus ?? null,
        alignRight: (column) => columns[column]?.isNumber === true,
        fills: new Map(props.formats.map(({ column, fill }) => [column, `dgv-fill-${fill}`])),
      },
      cells,
    );
    cells.want(
      first,
      end,
      places.map((place) => layout.columns[place] as number),
      direction.current,
    );
    const active = selection && painter.current.idOf(selection.focus.row, selection.focus.place);
    if (active) grid.current?.setAttribute("aria-activedescendant", active);
  };

  useLayoutEffect(() => {
    cells.reset(rows);
    scroll.resize(rows * ROW, bodyHeight);
    if (scroller.current) scroller.current.scrollTop = scroll.scrollTop;
  }, [epoch, rows, bodyHeight]);
  useLayoutEffect(() => paint.current());
  useEffect(() => {
    const shown = places.map((place) => layout.columns[place] as number);
    props.seen(shown);
  }, [layout, places.join()]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setView((before) => ({ ...before, width: element.clientWidth })));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const moveTo = (top: number) => {
    direction.current = top > scroll.top ? 1 : -1;
    if (!scroll.moveTo(top) || scroller.current === null) return false;
    scroller.current.scrollTop = scroll.scrollTop;
    scroll.placed(scroller.current.scrollTop);
    paint.current();
    return true;
  };
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // What is scaled is moved by us, so that a wheel moves as many rows here as anywhere.
    const wheel = (event: WheelEvent) => {
      if (!scroll.isScaled || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      const unit = event.deltaMode === 1 ? WHEEL_LINE : event.deltaMode === 2 ? element.clientHeight : 1;
      if (moveTo(scroll.top + event.deltaY * unit)) event.preventDefault();
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    const before = scroll.top;
    if (scroll.follow(element.scrollTop)) {
      direction.current = scroll.top > before ? 1 : -1;
      paint.current();
    }
    const left = Math.min(element.scrollLeft, Math.max(0, layout.width - inner));
    if (left !== view.left) setView((was) => ({ ...was, left }));
  };

  const reveal = ({ row, place }: { row: number; place: number }) => {
    if (row !== HEADER) {
      const y = row * ROW;
      if (y < scroll.top) moveTo(y);
      else if (y + ROW > scroll.top + bodyHeight) moveTo(y + ROW - bodyHeight);
    }
    const left = layout.reveal(place, view.left, inner);
    if (left !== view.left && scroller.current) scroller.current.scrollLeft = left;
  };
  const select = (next: Selection) => {
    setSelection(next);
    reveal(next.focus);
    props.selected(next.focus.row === HEADER ? null : rangeOf(next), layout.columns);
  };
  useEffect(() => {
    if (props.goTo === null) return;
    const place = Math.max(0, layout.columns.indexOf(props.goTo.column));
    const at = { row: props.goTo.row, place };
    moveTo(at.row * ROW - bodyHeight / 2);
    select({ focus: at, anchor: at });
  }, [props.goTo]);
  useEffect(() => setSelection(null), [epoch]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== grid.current) return; // in a menu or a filter of the header
    const at = selection ?? { focus: { row: 0, place: 0 }, anchor: { row: 0, place: 0 } };
    const column = layout.columns[at.focus.place];
    const ctrl = event.ctrlKey || event.metaKey;
    if (column === undefined) return;
    if (ctrl && event.key.toLowerCase() === "c" && at.focus.row !== HEADER) {
      props.copy(rangeOf(at), layout.columns, event.shiftKey);
    } else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      moveColumn(at, event.key === "ArrowRight" ? 1 : -1);
    } else if (event.altKey && event.key === "ArrowDown") {
      openMenu(column);
    } else if (event.key === "Enter" || event.key === " ") {
      if (at.focus.row === HEADER) props.sort(column, event.shiftKey);
      else props.open(at.focus.row, column);
    } else if (event.key === "Escape" && selection !== null) {
      setSelection(null);
      props.selected(null, layout.columns);
    } else {
      const page = Math.max(1, Math.floor(bodyHeight / ROW) - 1);
      const key = { key: event.key, ctrl, shift: event.shiftKey };
      const next = selection === null && !ctrl ? at : moved(at, key, { rows, columns: layout.columns.length, page });
      const isMove = moved(at, key, { rows, columns: layout.columns.length, page }) !== null;
      if (next === null || !isMove) return;
      select(next);
    }
    event.preventDefault();
    event.stopPropagation(); // a notebook has commands on bare keys
  };
  const moveColumn = ({ focus }: Selection, by: -1 | 1) => {
    const column = layout.columns[focus.place];
    const target = layout.columns[focus.place + by];
    if (column === undefined || target === undefined) return;
    newest.current.choose(move(choice, column, target, by > 0));
    const to = { ...focus, place: focus.place + by };
    setSelection({ focus: to, anchor: to });
  };
  const openMenu = (column: number) =>
    grid.current?.querySelector<HTMLButtonElement>(`[data-column="${column}"] button[aria-haspopup]`)?.click();

  const atPoint = (event: PointerEvent) => {
    const box = body.current?.getBoundingClientRect();
    if (box === undefined) return null;
    const row = Math.floor((event.clientY - box.top + scroll.top) / ROW);
    const x = event.clientX - box.left - numbers;
    if (x < 0 || row < 0 || row >= rows || layout.columns.length === 0) return null;
    return { row, place: layout.placeAt(x, view.left) };
  };
  const dragging = useRef(false);
  const onPointerDown = (event: PointerEvent) => {
    const at = event.button === 0 ? atPoint(event) : null;
    if (at === null) return;
    dragging.current = event.pointerType === "mouse";
    select({ focus: at, anchor: event.shiftKey && selection ? selection.anchor : at });
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!dragging.current || selection === null || (event.buttons & 1) === 0) {
      dragging.current = false;
      return;
    }
    const at = atPoint(event);
    if (at && (at.row !== selection.focus.row || at.place !== selection.focus.place)) {
      getSelection()?.removeAllRanges();
      select({ ...selection, focus: at });
    }
  };

  return (
    <div
      ref={grid}
      class="dgv-grid"
      role="grid"
      tabIndex={0}
      aria-label="Rows"
      aria-rowcount={rows + 1}
      aria-colcount={layout.columns.length + 1}
      aria-multiselectable="true"
      onKeyDown={onKeyDown}
      style={{ height: `${height}px` }}
    >
      <div ref={scroller} class="dgv-scroller" role="rowgroup" onScroll={onScroll} tabIndex={-1}>
        <div
          class="dgv-spacer"
          style={{
            width: `${layout.width + numbers}px`,
            height: `${Math.min(rows * ROW, scroll.spacer || rows * ROW) + HEADER_HEIGHT}px`,
          }}
        >
          <div class="dgv-layer" style={{ width: `${view.width}px` }}>
            <div class="dgv-head" style={{ height: `${HEADER_HEIGHT}px` }}>
              <div role="row" aria-rowindex={1}>
                <div class="dgv-corner" role="columnheader" aria-colindex={1} style={{ width: `${numbers}px` }}>
                  #
                </div>
                {places.map((place) => {
                  const placed = layout.at(place);
                  const column = columns[placed.column] as Column;
                  const rank = sorts.findIndex((one) => one.column === column.index);
                  return (
                    <HeaderCell
                      key={column.index}
                      id={`${id}-${HEADER}-${place}`}
                      column={column}
                      colindex={place + 2}
                      left={numbers + placed.x - (placed.isPinned ? 0 : view.left)}
                      width={placed.width}
                      isPinned={placed.isPinned}
                      isFocused={selection?.focus.row === HEADER && selection.focus.place === place}
                      sort={sorts[rank]}
                      rank={sorts.length > 1 ? rank + 1 : 0}
                      profile={props.profile(column.index)}
                      menu={() => props.menu(column.index)}
                      onMenu={props.opened}
                      onSort={(add) => props.sort(column.index, add)}
                      onBrush={(from, to) => props.brush(column.index, from, to)}
                      onResize={(width) => props.choose(resized(choice, column.index, width))}
                      onFit={() => props.fit(column.index)}
                      onDrop={(x) => {
                        const target = layout.columns[layout.placeAt(x - numbers, view.left)];
                        const from = layout.columns.indexOf(column.index);
                        if (target === undefined || target === column.index) return;
                        const to = layout.columns.indexOf(target);
                        props.choose(move(choice, column.index, target, to > from));
                      }}
                      layerLeft={() => body.current?.getBoundingClientRect().left ?? 0}
                    />
                  );
                })}
              </div>
            </div>
            <div
              ref={body}
              class="dgv-body"
              style={{ height: `${bodyHeight}px` }}
              onPointerDown={onPointerDown}
              onPointerMove={onPointerMove}
              onDblClick={(event) => {
                const at = atPoint(event as unknown as PointerEvent);
                const column = at && layout.columns[at.place];
                if (at && column !== null && column !== undefined) props.open(at.row, column);
              }}
            />
          </div>
        </div>
      </div>
    </div>
  );
}
