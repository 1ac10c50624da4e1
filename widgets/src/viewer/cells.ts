// The cells that were received, in blocks of rows; asks for what is missing, the newest wish first.

export type Cell = string | null; // text as it is shown, or a null

export interface Rows {
  start: number;
  numbers: number[]; // of each row in the source
  cells: Cell[][]; // of each column that was asked for, of each row
  shares?: Record<number, (number | null)[]>; // of columns that are filled by it: where a number stands, 0 to 1
}

export type Fetch = (start: number, stop: number, columns: number[]) => Promise<Rows>;

interface Wish {
  start: number;
  stop: number;
  columns: number[];
  isAhead: boolean; // nothing of it is seen yet
}

interface Block {
  numbers: number[];
  columns: Map<number, Cell[]>;
  shares: Map<number, (number | null)[]>;
}

export const BLOCK = 8; // rows
const MAX_CELLS = 200_000;

export class CellCache {
  readonly #fetch: Fetch;
  readonly #received: () => void;
  readonly #failed: (error: Error) => void;
  readonly #blocks = new Map<number, Block>(); // those used last at the end
  #cells = 0;
  #rows = 0;
  #turn = 0; // what was asked for in another one is dropped when it comes
  #next: Wish | null = null;
  #ahead: Wish | null = null;
  #underWay: Wish | null = null;

  constructor(fetch: Fetch, received: () => void, failed: (error: Error) => void) {
    this.#fetch = fetch;
    this.#received = received;
    this.#failed = failed;
  }

  /** Forget every cell: the rows stand elsewhere now. What is under way is dropped when it comes. */
  reset(rows: number): void {
    this.#rows = rows;
    this.#turn += 1;
    this.#blocks.clear();
    this.#cells = 0;
    this.#next = this.#ahead = this.#underWay = null;
  }

  /** A cell, or undefined as long as it is not there. */
  cell(row: number, column: number): Cell | undefined {
    return this.#blocks.get(Math.floor(row / BLOCK))?.columns.get(column)?.[row % BLOCK];
  }

  /** Where the number of a cell stands in its column, if the column is filled by it. */
  share(row: number, column: number): number | undefined {
    return this.#blocks.get(Math.floor(row / BLOCK))?.shares.get(column)?.[row % BLOCK] ?? undefined;
  }

  /** The number of a row in the source. */
  number(row: number): number | undefined {
    return this.#blocks.get(Math.floor(row / BLOCK))?.numbers[row % BLOCK];
  }

  /** Have these rows of these columns, and when they are there, the page that follows. */
  want(start: number, stop: number, columns: number[], direction: -1 | 0 | 1 = 0): void {
    this.#touch(start, stop);
    this.#next = this.#missing(start, stop, columns);
    const page = (stop - start) * direction;
    this.#ahead = page === 0 ? null : { start: start + page, stop: stop + page, columns, isAhead: true };
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#underWay !== null && !this.#isOvertaken) return;
    this.#turn += 1;
    const turn = this.#turn;
    for (let wish = this.#take(); wish !== null; wish = this.#take()) {
      const { start, stop, columns } = wish;
      this.#underWay = wish;
      try {
        const rows = await this.#fetch(start, stop, columns);
        if (turn !== this.#turn) return;
        this.#keep(rows, columns);
        this.#received();
      } catch (error) {
        if (turn !== this.#turn) return;
        this.#next = this.#ahead = null;
        this.#failed(error instanceof Error ? error : new Error(String(error)));
      }
    }
    this.#underWay = null;
  }

  /** Whether a page ahead is under way, and others are seen now: these are not kept waiting. */
  get #isOvertaken(): boolean {
    const [next, ahead] = [this.#next, this.#underWay];
    if (next === null || !ahead?.isAhead) return false;
    const isWithin = next.start >= ahead.start && next.stop <= ahead.stop;
    return !isWithin || next.columns.some((column) => !ahead.columns.includes(column));
  }

  #take(): Wish | null {
    const { start, stop, columns } = this.#ahead ?? { start: 0, stop: 0, columns: [] };
    const wish = this.#next ?? this.#missing(start, stop, columns, true);
    if (this.#next === null) this.#ahead = null;
    this.#next = null;
    return wish;
  }

  /** The smallest range of blocks that holds all that is missing, and the columns that miss some. */
  #missing(start: number, stop: number, columns: number[], isAhead = false): Wish | null {
    const first = Math.max(0, Math.floor(start / BLOCK));
    const last = Math.ceil(Math.min(stop, this.#rows) / BLOCK);
    let from = Number.POSITIVE_INFINITY;
    let to = -1;
    const lacking = new Set<number>();
    for (let block = first; block < last; block++) {
      const held = this.#blocks.get(block);
      for (const column of columns) {
        if (held?.columns.has(column)) continue;
        lacking.add(column);
        from = Math.min(from, block);
        to = block;
      }
    }
    if (to < 0) return null;
    return { start: from * BLOCK, stop: Math.min((to + 1) * BLOCK, this.#rows), columns: [...lacking], isAhead };
  }

  #keep({ start, numbers, cells, shares = {} }: Rows, columns: number[]): void {
    for (let offset = 0; offset < numbers.length; offset += BLOCK) {
      const number = (start + offset) / BLOCK;
      const block = this.#blocks.get(number) ?? { numbers: [], columns: new Map(), shares: new Map() };
      block.numbers = numbers.slice(offset, offset + BLOCK);
      columns.forEach((column, place) => {
        if (!block.columns.has(column)) this.#cells += block.numbers.length;
        block.columns.set(column, (cells[place] ?? []).slice(offset, offset + BLOCK));
        const stands = shares[column];
        if (stands) block.shares.set(column, stands.slice(offset, offset + BLOCK));
      });
      this.#blocks.set(number, block);
    }
    for (const [number, block] of this.#blocks) {
      if (this.#cells <= MAX_CELLS) break;
      this.#cells -= block.columns.size * block.numbers.length;
      this.#blocks.delete(number);
    }
  }

  #touch(start: number, stop: number): void {
    for (let number = Math.floor(start / BLOCK); number * BLOCK < stop; number++) {
      const block = this.#blocks.get(number);
      if (block === undefined) continue;
      this.#blocks.delete(number);
      this.#blocks.set(number, block);
    }
  }
}
