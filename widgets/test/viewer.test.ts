import { describe, expect, it, vi } from "vitest";
import { BLOCK, CellCache, type Fetch, type Rows } from "../src/viewer/cells";
import { initialChoice, Layout, move, resized, toggled } from "../src/viewer/layout";
import { MAX_HEIGHT, ScrollMap } from "../src/viewer/scroll";
import { HEADER, isMarked, moved, rangeOf, type Selection } from "../src/viewer/selection";

const at = (row: number, place: number): Selection => ({ focus: { row, place }, anchor: { row, place } });

describe("the scroll map", () => {
  it("is the scroll bar itself where a table is not too tall", () => {
    const map = new ScrollMap();
    map.resize(24_000, 480);
    expect(map.spacer).toBe(24_000);
    expect(map.follow(1200)).toBe(true);
    expect(map.top).toBe(1200);
  });
  it("reaches the last pixel of any height", () => {
    const map = new ScrollMap();
    map.resize(2_400_000_000, 480);
    expect(map.spacer).toBe(MAX_HEIGHT);
    map.follow(MAX_HEIGHT - 480);
    expect(map.top).toBe(2_400_000_000 - 480);
  });
  it("does not follow the echo of where it was put, though the browser rounds it", () => {
    const map = new ScrollMap();
    map.resize(240_000_000, 480);
    map.moveTo(1_000_003);
    map.placed(Math.round(map.scrollTop));
    expect(map.follow(Math.round(map.scrollTop))).toBe(false);
    expect(map.top).toBe(1_000_003);
  });
  it("stays within the table when it gets shorter", () => {
    const map = new ScrollMap();
    map.resize(24_000, 480);
    map.moveTo(20_000);
    map.resize(2_400, 480);
    expect(map.top).toBe(1_920);
  });
});

describe("the layout", () => {
  const layout = (choice = initialChoice(5)) => new Layout(choice, () => 100);
  it("shows the columns that are seen", () => {
    expect(layout().visible(150, 200)).toEqual([1, 2, 3]);
  });
  it("puts pinned columns first and keeps them in view", () => {
    const pinned = layout({ ...initialChoice(5), pinned: [3] });
    expect(pinned.columns).toEqual([3, 0, 1, 2, 4]);
    expect(pinned.visible(200, 200)).toEqual([0, 3]);
    expect(pinned.placeAt(50, 300)).toBe(0);
  });
  it("leaves hidden columns out", () => {
    expect(layout({ ...initialChoice(5), hidden: [0, 4] }).columns).toEqual([1, 2, 3]);
  });
  it("says how far to go for a column to be seen whole", () => {
    expect(layout().reveal(4, 0, 200)).toBe(300);
    expect(layout().reveal(0, 300, 200)).toBe(0);
    expect(layout().reveal(1, 100, 200)).toBe(100);
  });
  it("moves a column before or after another one", () => {
    expect(move(initialChoice(4), 0, 2, true).order).toEqual([1, 2, 0, 3]);
    expect(move(initialChoice(4), 3, 0, false).order).toEqual([3, 0, 1, 2]);
  });
  it("finds the columns in view among ten thousand", () => {
    const wide = new Layout(initialChoice(10_000), () => 100);
    expect(wide.visible(500_050, 300)).toEqual([5000, 5001, 5002, 5003]);
  });
  it("keeps widths within reason", () => {
    expect(resized(initialChoice(1), 0, 3).widths[0]).toBe(40);
    expect(toggled(toggled([], 4), 4)).toEqual([]);
  });
});

describe("the selection", () => {
  const bounds = { rows: 100, columns: 5, page: 20 };
  const key = (key: string, { ctrl = false, shift = false } = {}) => ({ key, ctrl, shift });
  it.each([
    ["ArrowDown", {}, at(3, 2), { row: 4, place: 2 }],
    ["ArrowUp", {}, at(0, 2), { row: HEADER, place: 2 }],
    ["ArrowDown", { ctrl: true }, at(3, 2), { row: 99, place: 2 }],
    ["End", { ctrl: true }, at(3, 2), { row: 99, place: 4 }],
    ["Home", { ctrl: true }, at(3, 2), { row: 0, place: 0 }],
    ["PageDown", {}, at(95, 2), { row: 99, place: 2 }],
    ["ArrowRight", {}, at(3, 4), { row: 3, place: 4 }],
  ])("moves by %s %o", (name, held, from, to) => {
    expect(moved(from, key(name, held), bounds)?.focus).toEqual(to);
  });
  it("extends with Shift, and never into the header", () => {
    const marked = moved(at(0, 1), key("ArrowUp", { shift: true }), bounds) as Selection;
    expect(marked.focus.row).toBe(0);
    const more = moved(marked, key("ArrowRight", { shift: true }), bounds) as Selection;
    expect(rangeOf(more)).toEqual({ top: 0, bottom: 0, left: 1, right: 2 });
    expect(isMarked(rangeOf(more), 0, 2)).toBe(true);
  });
  it("marks everything with Ctrl+A", () => {
    expect(rangeOf(moved(at(3, 3), key("a", { ctrl: true }), bounds) as Selection)).toEqual({
      top: 0,
      bottom: 99,
      left: 0,
      right: 4,
    });
  });
  it("leaves other keys to the page", () => {
    expect(moved(at(0, 0), key("x"), bounds)).toBeNull();
  });
});

describe("the cells", () => {
  const answer = (start: number, stop: number, columns: number[]): Rows => ({
    start,
    numbers: Array.from({ length: stop - start }, (_, row) => start + row),
    cells: columns.map((column) => Array.from({ length: stop - start }, (_, row) => `${start + row}/${column}`)),
  });
  const settled = () => new Promise((done) => setTimeout(done));
  function cache(fetch: Fetch, rows = 1000) {
    const made = new CellCache(
      fetch,
      () => undefined,
      () => undefined,
    );
    made.reset(rows);
    return made;
  }

  it("asks for whole blocks, and once", async () => {
    const fetch = vi.fn<Fetch>(async (...wish) => answer(...wish));
    const cells = cache(fetch);
    cells.want(3, 20, [0, 4]);
    await settled();
    cells.want(3, 20, [0, 4]);
    await settled();
    expect(fetch.mock.calls).toEqual([[0, 24, [0, 4]]]);
    expect(cells.cell(19, 4)).toBe("19/4");
    expect(cells.number(19)).toBe(19);
    expect(cells.cell(19, 1)).toBeUndefined();
  });
  it("asks for those columns alone that it lacks", async () => {
    const fetch = vi.fn<Fetch>(async (...wish) => answer(...wish));
    const cells = cache(fetch);
    cells.want(0, BLOCK, [0, 1]);
    await settled();
    cells.want(0, BLOCK, [1, 2]);
    await settled();
    expect(fetch.mock.calls[1]).toEqual([0, BLOCK, [2]]);
    expect(cells.cell(0, 1)).toBe("0/1");
  });
  it("skips wishes that a newer one has replaced", async () => {
    const asked: number[] = [];
    let done: () => void = () => undefined;
    const fetch: Fetch = async (...wish) => {
      asked.push(wish[0]);
      if (asked.length === 1) await new Promise<void>((resolve) => (done = resolve));
      return answer(...wish);
    };
    const cells = cache(fetch);
    cells.want(0, 8, [0]);
    cells.want(80, 88, [0]);
    cells.want(160, 168, [0]);
    done();
    await settled();
    expect(asked).toEqual([0, 160]);
  });
  it("drops what comes late, after the rows have been arranged anew", async () => {
    let done: () => void = () => undefined;
    const fetch: Fetch = async (...wish) => {
      await new Promise<void>((resolve) => (done = resolve));
      return answer(...wish);
    };
    const cells = cache(fetch);
    cells.want(0, 8, [0]);
    cells.reset(500);
    done();
    await settled();
    expect(cells.cell(0, 0)).toBeUndefined();
  });
  it("fetches the next page in the direction of scrolling when it has nothing else to do", async () => {
    const fetch = vi.fn<Fetch>(async (...wish) => answer(...wish));
    const cells = cache(fetch);
    cells.want(80, 96, [0], 1);
    await settled();
    expect(fetch.mock.calls).toEqual([
      [80, 96, [0]],
      [96, 112, [0]],
    ]);
  });
  it("does not keep what is seen waiting for a page ahead", async () => {
    const asked: number[] = [];
    const answers: (() => void)[] = [];
    const cells = cache(async (...wish) => {
      asked.push(wish[0]);
      await new Promise<void>((resolve) => answers.push(resolve));
      return answer(...wish);
    });
    cells.want(80, 96, [0], 1);
    answers[0]?.();
    await settled(); // and the page from 96 is under way
    cells.want(96, 112, [0], 1); // which is seen now
    expect(asked).toEqual([80, 96]);
    cells.want(400, 416, [0], 1);
    expect(asked).toEqual([80, 96, 400]);
    answers[2]?.();
    answers[1]?.(); // late, and dropped
    await settled();
    expect(cells.cell(400, 0)).toBe("400/0");
    expect(asked).toEqual([80, 96, 400, 416]);
  });
  it("goes on after an answer that failed", async () => {
    const failed = vi.fn();
    let isFirst = true;
    const cells = new CellCache(
      async (...wish) => {
        if (isFirst) {
          isFirst = false;
          throw new Error("The file has changed.");
        }
        return answer(...wish);
      },
      () => undefined,
      failed,
    );
    cells.reset(100);
    cells.want(0, 8, [0]);
    await settled();
    expect(failed).toHaveBeenCalledOnce();
    cells.want(0, 8, [0]);
    await settled();
    expect(cells.cell(0, 0)).toBe("0/0");
  });
  it("lets go of the oldest cells beyond its bound", async () => {
    const cells = cache(async (...wish) => answer(...wish), 1_000_000);
    const columns = Array.from({ length: 100 }, (_, column) => column);
    for (let row = 0; row < 4_000; row += 400) {
      cells.want(row, row + 400, columns);
      await settled();
    }
    expect(cells.cell(0, 0)).toBeUndefined();
    expect(cells.cell(3_999, 99)).toBe("3999/99");
  });
});
