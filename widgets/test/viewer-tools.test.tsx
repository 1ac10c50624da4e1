import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { paintInPlace } from "../src/grid";
import { CellCache } from "../src/viewer/cells";
import { ChartPanel } from "../src/viewer/charts";
import { FormatEditor } from "../src/viewer/formats";
import { type Column, type Counts, columnsOf } from "../src/viewer/protocol";

const price: Column = { index: 0, name: "price", type: "double", kind: "number", isNumber: true, width: 90 };
const cut: Column = { index: 1, name: "cut", type: "string", kind: "text", isNumber: false, width: 80 };

const box = document.createElement("div");
afterEach(() => render(null, box));

describe("columns as they are sent", () => {
  it("have each type once", () => {
    const { index: _, name, width, ...type } = price;
    const sent = { types: [type], columns: [[name, 0, width] as [string, number, number], ["x", 0, 70] as never] };
    expect(columnsOf(sent)).toEqual([price, { ...price, index: 1, name: "x", width: 70 }]);
  });
});

describe("a cell that is filled", () => {
  it("has its share beside its text", async () => {
    const cells = new CellCache(
      async () => ({ start: 0, numbers: [0, 1], cells: [["a", "b"]], shares: { 4: [0.25, null] } }),
      () => undefined,
      () => undefined,
    );
    cells.reset(2);
    cells.want(0, 2, [4]);
    await new Promise((done) => setTimeout(done));
    expect([cells.share(0, 4), cells.share(1, 4), cells.share(0, 3)]).toEqual([0.25, undefined, undefined]);
  });
});

describe("a format", () => {
  const edit = (current: Parameters<typeof FormatEditor>[0]["current"], label: string, value: string) => {
    const apply = vi.fn();
    render(<FormatEditor column={price} current={current} apply={apply} />, box);
    const select = [...box.querySelectorAll("label")].find((one) => one.textContent?.startsWith(label));
    const element = select?.querySelector("select") as HTMLSelectElement;
    element.value = value;
    element.dispatchEvent(new Event("change", { bubbles: true }));
    return apply.mock.calls;
  };
  it("is asked for as the kernel takes it", () => {
    const expected = { column: 0, style: "currency", decimals: null, currency: "EUR", fill: "none" };
    expect(edit(undefined, "Format", "currency")).toEqual([[expected]]);
    expect(edit({ ...expected, style: "currency", fill: "none" }, "Decimals", "3")).toEqual([
      [{ ...expected, decimals: 3 }],
    ]);
  });
  it("keeps a choice that the kernel has not answered yet", () => {
    edit({ column: 0, style: "currency", currency: "EUR" }, "Currency", "USD");
    const [[asked]] = edit({ column: 0, style: "currency", currency: "EUR" }, "Fill", "bar") as [[object]];
    expect(asked).toMatchObject({ style: "currency", currency: "USD", fill: "bar" });
  });
  it("is none when nothing of it is left", () => {
    expect(edit({ column: 0, style: "percent" }, "Format", "plain")).toEqual([[null]]);
  });
  it("is not offered where there is none", () => {
    render(<FormatEditor column={cut} current={undefined} apply={() => undefined} />, box);
    expect(box.innerHTML).toBe("");
  });
});

describe("a chart", () => {
  const show = async (counts: Counts) => {
    const count = vi.fn(async () => counts);
    const panel = { columns: [price, cut], x: 0, epoch: 3, count, choose: () => undefined, close: () => undefined };
    await act(async () => render(<ChartPanel {...panel} />, box));
    return count;
  };
  const x = { column: "price", kind: "range" as const, labels: ["0", "5", "10"] };
  it("draws a bar for each place, with its rows", async () => {
    const count = await show({ x, y: null, series: [[[3], [1]]] });
    expect(count.mock.calls).toEqual([[0, null]]);
    expect([...box.querySelectorAll("rect title")].map((one) => one.textContent)).toEqual([
      "0 to 5 · 3 rows",
      "5 to 10 · 1 row",
    ]);
  });
  it("draws a place for each pair, of each table", async () => {
    const y = { column: "cut", kind: "value" as const, labels: ["Good", "Ideal"] };
    const rows = [
      [3, 0],
      [1, 4],
    ];
    await show({ x, y, series: [rows, rows] });
    expect(box.querySelectorAll("rect")).toHaveLength(8);
    expect(box.textContent).toContain("Shares of the rows of each table");
  });
});

describe("ipydatagrid", () => {
  class Grid {
    painted: string[] = [];
    _bufferGC = fakeContext(this.painted, "buffer");
    _canvasGC = fakeContext(this.painted, "canvas");
    _blitContent() {
      this.painted.push("copied");
    }
    _drawCells(_region: unknown) {
      this._bufferGC.clearRect(0, 0, 1, 1);
      this._bufferGC.fillText("a", 0, 0);
      this._blitContent();
    }
  }
  function fakeContext(painted: string[], name: string): CanvasRenderingContext2D {
    const context = { save() {}, restore() {}, beginPath() {}, rect() {}, clip() {} };
    const drawing = {
      clearRect: () => painted.push(`${name} cleared`),
      fillText: (text: string) => painted.push(`${name} ${text}`),
    };
    return Object.assign(Object.create(drawing), context);
  }
  it("paints cells where they belong, once, and is itself again after it", () => {
    const grid = new Grid();
    const { _bufferGC: buffer } = grid;
    paintInPlace(grid as never);
    grid._drawCells({ xMin: 0, yMin: 0, xMax: 9, yMax: 9 });
    expect(grid.painted).toEqual(["canvas a"]);
    grid._blitContent();
    grid._canvasGC.clearRect(0, 0, 1, 1);
    expect(grid.painted).toEqual(["canvas a", "copied", "canvas cleared"]);
    expect(grid._bufferGC).toBe(buffer);
  });
});
