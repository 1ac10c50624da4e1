import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Comparison, scrollTogether } from "../src/comparison";
import type { ComparisonSnapshot } from "../src/snapshots";

const snapshot = (given: Partial<ComparisonSnapshot> = {}): ComparisonSnapshot => ({
  titles: ["a.csv", "of job j_1"],
  columns: [
    { name: "price", nulls: [0, 0.125], distinct: [1_200, 1_100], distance: 0.25 },
    { name: "id", nulls: [0, 0], distinct: [5_000, 5_000] },
  ],
  leftOut: 0,
  isCounting: false,
  trouble: "",
  ...given,
});

async function show(given: Partial<ComparisonSnapshot> = {}): Promise<HTMLElement> {
  const host = document.createElement("div");
  document.body.replaceChildren(host);
  const props = { snapshot: snapshot(given), connected: true, now: 0, ask: vi.fn(), listen: () => () => undefined };
  await act(() => render(<Comparison {...props} />, host));
  return host;
}

afterEach(() => document.body.replaceChildren());

describe("differences", () => {
  it("are a row for each column, the real one first", async () => {
    const host = await show();
    const texts = [...host.querySelectorAll("tbody tr")].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    );
    expect(texts).toEqual([
      ["price", "25.0 %", "0.0 % → 12.5 %", "1,200 → 1,100"],
      ["id", "not measured", "0.0 % → 0.0 %", "5,000 → 5,000"],
    ]);
    expect(host.querySelector("[role=status]")?.textContent).toBe(
      "Table a.csv (left), table of job j_1 (right): 2 columns",
    );
  });

  it("say what is left out, that they are counted, and why the tables differ", async () => {
    expect((await show({ leftOut: 3 })).textContent).toContain(", 3 not compared");
    expect((await show({ isCounting: true })).textContent).toContain("Counting differences …");
    const host = await show({ trouble: "There is no column 'x'." });
    expect(host.querySelector("[role=alert]")?.textContent).toBe("There is no column 'x'.");
  });
});

describe("scrolling", () => {
  const scroller = (most: number): HTMLElement => {
    const element = document.createElement("div");
    element.className = "dgv-scroller";
    let top = 0;
    Object.defineProperty(element, "scrollTop", {
      get: () => top,
      set: (wanted: number) => {
        top = Math.min(wanted, most);
      },
    });
    return element;
  };
  const scroll = (element: HTMLElement, top?: number) => {
    if (top !== undefined) element.scrollTop = top;
    element.dispatchEvent(new Event("scroll"));
  };

  it("moves the other table, and a shorter one does not hold the longer one back", () => {
    const [box, long, short, stranger] = [document.createElement("div"), scroller(1_000), scroller(300), scroller(9)];
    box.append(long, short);
    document.body.append(box, stranger);
    const stop = scrollTogether(() => box);
    scroll(long, 200);
    expect(short.scrollTop).toBe(200);
    scroll(short); // its echo
    scroll(long, 800);
    expect(short.scrollTop).toBe(300);
    scroll(short); // its echo
    expect(long.scrollTop).toBe(800);
    scroll(short, 100);
    expect(long.scrollTop).toBe(100);
    scroll(stranger, 5);
    expect([long.scrollTop, short.scrollTop]).toEqual([100, 100]);
    stop();
    scroll(long, 50);
    expect(short.scrollTop).toBe(100);
  });
});
