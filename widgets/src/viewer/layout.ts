// Which columns are shown, in which order, how wide, and which of them stand still.

export const LEAST = 40; // px
export const MOST = 640;

export interface Choice {
  order: number[]; // columns of the table, by their place in it
  hidden: number[];
  pinned: number[];
  widths: Record<number, number>; // px, where a reader has chosen one
}

/** A column as it stands in the view. */
export interface Placed {
  column: number;
  x: number; // px from the left of all columns; of a pinned one, from the left of the view
  width: number;
  isPinned: boolean;
}

export const initialChoice = (count: number): Choice => ({
  order: Array.from({ length: count }, (_, column) => column),
  hidden: [],
  pinned: [],
  widths: {},
});

/** The geometry of a choice: pinned columns first, then the others, with their places. */
export class Layout {
  readonly columns: number[]; // that are shown, in order
  readonly pinnedCount: number;
  readonly pinnedWidth: number;
  readonly width: number; // px of all
  readonly #edges: Float64Array; // left edge of each, and the right edge of the last

  constructor(choice: Choice, width: (column: number) => number) {
    const hidden = new Set(choice.hidden);
    const pinned = new Set(choice.pinned);
    const shown = choice.order.filter((column) => !hidden.has(column));
    this.columns = [...shown.filter((column) => pinned.has(column)), ...shown.filter((column) => !pinned.has(column))];
    this.pinnedCount = shown.filter((column) => pinned.has(column)).length;
    this.#edges = new Float64Array(this.columns.length + 1);
    this.columns.forEach((column, place) => {
      this.#edges[place + 1] = this.#edge(place) + (choice.widths[column] ?? width(column));
    });
    this.width = this.#edge(this.columns.length);
    this.pinnedWidth = this.#edge(this.pinnedCount);
  }

  #edge(place: number): number {
    return this.#edges[place] ?? 0;
  }

  at(place: number): Placed {
    const x = this.#edge(place);
    return {
      column: this.columns[place] as number,
      x,
      width: this.#edge(place + 1) - x,
      isPinned: place < this.pinnedCount,
    };
  }

  /** Places of the columns that are seen: the pinned ones, and those right of them. */
  visible(left: number, view: number): number[] {
    const places = Array.from({ length: this.pinnedCount }, (_, place) => place);
    const from = left + this.pinnedWidth;
    for (let place = this.#placeAt(from); place < this.columns.length && this.#edge(place) < left + view; place++) {
      places.push(place);
    }
    return places;
  }

  /** The first place right of the pinned ones whose column reaches beyond `x`. */
  #placeAt(x: number): number {
    let low = this.pinnedCount;
    let high = this.columns.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#edge(middle + 1) > x) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How far left the view has to stand, so that a column is seen whole. */
  reveal(place: number, left: number, view: number): number {
    if (place < this.pinnedCount) return left;
    const { x, width } = this.at(place);
    if (x < left + this.pinnedWidth) return x - this.pinnedWidth;
    return x + width > left + view ? Math.min(x + width - view, x - this.pinnedWidth) : left;
  }

  /** The place whose column is at a point of the view. */
  placeAt(viewX: number, left: number): number {
    const x = viewX < this.pinnedWidth ? viewX : viewX + left;
    let place = 0;
    while (place < this.columns.length - 1 && this.#edge(place + 1) <= x) place++;
    return place;
  }
}

/** A choice with a column moved next to another one. */
export function move(choice: Choice, column: number, target: number, after: boolean): Choice {
  if (column === target) return choice;
  const order = choice.order.filter((one) => one !== column);
  order.splice(order.indexOf(target) + (after ? 1 : 0), 0, column);
  return { ...choice, order };
}

export const toggled = (list: number[], column: number): number[] =>
  list.includes(column) ? list.filter((one) => one !== column) : [...list, column];

export const resized = (choice: Choice, column: number, width: number): Choice => ({
  ...choice,
  widths: { ...choice.widths, [column]: Math.round(Math.max(LEAST, Math.min(width, MOST))) },
});
