// Paints the rows that are seen into elements that are used again: a fling paints at every frame.

import type { Cell, CellCache } from "./cells";
import type { Layout } from "./layout";
import { isMarked, type Range } from "./selection";

export const ROW = 24; // px

export interface Frame {
  top: number; // px above the first row that is seen
  left: number; // px left of the first column that is seen, beside the pinned ones
  rows: number; // of the whole view
  height: number; // px of the body
  numbers: number; // px of the column of row numbers
  layout: Layout;
  places: number[];
  range: Range | null;
  focus: { row: number; place: number } | null;
  alignRight: (column: number) => boolean;
  fills: Map<number, string>; // looks of the columns that are filled by where a number stands
}

interface PaintedCell {
  el: HTMLElement;
  text: string;
  left: number;
  width: number;
  look: string;
  place: number;
  share: number | undefined;
}

interface PaintedRow {
  el: HTMLElement;
  number: PaintedCell;
  cells: PaintedCell[];
  row: number;
  y: number;
}

export class Painter {
  readonly #body: HTMLElement;
  readonly #id: string;
  readonly #rows: PaintedRow[] = [];

  constructor(body: HTMLElement, id: string) {
    this.#body = body;
    this.#id = id;
  }

  /** The id of a cell while it is painted; a grid names its active cell by it. */
  idOf(row: number, place: number): string {
    return `${this.#id}-${row}-${place}`;
  }

  /** Paint a frame; returns the rows that it shows, the second not included. */
  paint(frame: Frame, cells: CellCache): [number, number] {
    const first = Math.floor(frame.top / ROW);
    const end = Math.min(frame.rows, Math.ceil((frame.top + frame.height) / ROW));
    for (let index = 0; index < Math.max(0, end - first); index++) {
      const painted = this.#rows[index] ?? this.#addRow();
      this.#paintRow(painted, first + index, (first + index) * ROW - frame.top, frame, cells);
    }
    for (const { el } of this.#rows.splice(Math.max(0, end - first))) el.remove();
    return [first, end];
  }

  #addRow(): PaintedRow {
    const el = element("div", "dgv-row", "row");
    const number = this.#addCell(el, "rowheader");
    number.el.setAttribute("aria-colindex", "1");
    const row = { el, number, cells: [], row: -1, y: Number.NaN };
    this.#rows.push(row);
    this.#body.append(el);
    return row;
  }

  #addCell(row: HTMLElement, role: string): PaintedCell {
    const el = element("div", "", role);
    el.append(document.createTextNode(""));
    row.append(el);
    return { el, text: "", left: Number.NaN, width: Number.NaN, look: "", place: -1, share: undefined };
  }

  #paintRow(painted: PaintedRow, row: number, y: number, frame: Frame, cells: CellCache): void {
    if (painted.row !== row) painted.el.setAttribute("aria-rowindex", String(row + 2));
    if (painted.y !== y) painted.el.style.transform = `translateY(${y}px)`;
    painted.el.classList.toggle("dgv-odd", row % 2 === 1);
    painted.row = row;
    painted.y = y;
    const number = cells.number(row);
    put(
      painted.number,
      number === undefined ? "" : (number + 1).toLocaleString("en-US"),
      0,
      frame.numbers,
      "dgv-number",
    );
    frame.places.forEach((place, index) => {
      let cell = painted.cells[index];
      if (cell === undefined) {
        cell = this.#addCell(painted.el, "gridcell");
        painted.cells.push(cell);
      }
      const { column, x, width, isPinned } = frame.layout.at(place);
      const value = cells.cell(row, column);
      const share = cells.share(row, column);
      const look = [
        "dgv-cell",
        value === undefined ? "dgv-pending" : value === null ? "dgv-null" : "",
        frame.alignRight(column) ? "dgv-right" : "",
        share === undefined ? "" : frame.fills.get(column),
        isPinned ? "dgv-pinned" : "",
        frame.range && isMarked(frame.range, row, place) ? "dgv-marked" : "",
        frame.focus?.row === row && frame.focus.place === place ? "dgv-focus" : "",
      ];
      put(cell, textOf(value), frame.numbers + x - (isPinned ? 0 : frame.left), width, look.filter(Boolean).join(" "));
      if (cell.share !== share) cell.el.style.setProperty("--dgv-share", `${100 * (share ?? 0)}%`);
      cell.share = share;
      if (cell.place !== place) cell.el.setAttribute("aria-colindex", String(place + 2));
      cell.place = place;
      cell.el.id = this.idOf(row, place);
      if (frame.range) cell.el.setAttribute("aria-selected", String(isMarked(frame.range, row, place)));
    });
    for (const { el } of painted.cells.splice(frame.places.length)) el.remove();
  }
}

/** A row has one line: a mark stands for each end of a line. */
const textOf = (value: Cell | undefined): string =>
  value === undefined ? "" : (value?.replace(/\r\n?|\n/g, "↵") ?? "null");

function element(name: string, look: string, role: string): HTMLElement {
  const made = document.createElement(name);
  made.className = look;
  made.setAttribute("role", role);
  return made;
}

/** Change only what is another: reading and writing the page is what takes the time. */
function put(cell: PaintedCell, text: string, left: number, width: number, look: string): void {
  if (cell.text !== text) (cell.el.firstChild as Text).data = text;
  if (cell.left !== left) cell.el.style.transform = `translateX(${left}px)`;
  if (cell.width !== width) cell.el.style.width = `${width}px`;
  if (cell.look !== look) cell.el.className = look;
  Object.assign(cell, { text, left, width, look });
}
