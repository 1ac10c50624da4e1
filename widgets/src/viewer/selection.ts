// Which cell has the focus and which are marked with it; moved by keys as in a spreadsheet.

export interface At {
  row: number; // -1 is the header
  place: number; // of the column, as it is shown
}

export interface Selection {
  focus: At;
  anchor: At; // the corner of the range that stays
}

export const HEADER = -1;

export interface Bounds {
  rows: number;
  columns: number;
  page: number; // rows that are seen
}

export interface Range {
  top: number;
  bottom: number; // included
  left: number;
  right: number; // included
}

export function rangeOf({ focus, anchor }: Selection): Range {
  return {
    top: Math.max(0, Math.min(focus.row, anchor.row)),
    bottom: Math.max(focus.row, anchor.row),
    left: Math.min(focus.place, anchor.place),
    right: Math.max(focus.place, anchor.place),
  };
}

export const isMarked = ({ top, bottom, left, right }: Range, row: number, place: number): boolean =>
  row >= top && row <= bottom && place >= left && place <= right;

interface Key {
  key: string;
  ctrl: boolean; // or Command
  shift: boolean;
}

/** The selection after a key, or null for a key that moves nothing. */
export function moved(selection: Selection, { key, ctrl, shift }: Key, bounds: Bounds): Selection | null {
  const last = { row: bounds.rows - 1, place: bounds.columns - 1 };
  if (ctrl && key.toLowerCase() === "a") return { anchor: { row: 0, place: 0 }, focus: last };
  const { row, place } = selection.focus;
  const to = target(key, ctrl, { row, place }, last, bounds.page);
  if (to === null) return null;
  const least = shift ? Math.min(0, last.row) : HEADER;
  const focus = {
    row: Math.max(least, Math.min(to.row, last.row)),
    place: Math.max(0, Math.min(to.place, last.place)),
  };
  return { focus, anchor: shift ? selection.anchor : focus };
}

function target(key: string, ctrl: boolean, { row, place }: At, last: At, page: number): At | null {
  switch (key) {
    case "ArrowDown":
      return { row: ctrl ? last.row : row + 1, place };
    case "ArrowUp":
      return { row: ctrl ? 0 : row - 1, place };
    case "ArrowRight":
      return { row, place: ctrl ? last.place : place + 1 };
    case "ArrowLeft":
      return { row, place: ctrl ? 0 : place - 1 };
    case "PageDown":
      return { row: row + page, place };
    case "PageUp":
      return { row: Math.max(0, row - page), place };
    case "Home":
      return { row: ctrl ? 0 : row, place: 0 };
    case "End":
      return { row: ctrl ? last.row : row, place: last.place };
    default:
      return null;
  }
}
