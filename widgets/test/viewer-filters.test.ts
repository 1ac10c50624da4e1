import { describe, expect, it } from "vitest";
import { nextSorts } from "../src/viewer";
import { columnOf, joined, parts, words } from "../src/viewer/conditions";
import { operatorsOf } from "../src/viewer/filters";
import type { Column, Condition } from "../src/viewer/protocol";

const nameOf = (column: number) => ["price", "cut"][column] ?? "";
const column = (kind: Column["kind"]): Column => ({ index: 0, name: "a", type: "", kind, isNumber: false, width: 90 });

describe("a filter", () => {
  it.each<[Condition, string]>([
    [{ kind: "compare", column: 0, operator: "<=", value: "5" }, "price ≤ 5"],
    [{ kind: "text", column: 1, operator: "starts_with", value: "I" }, "cut starts with I"],
    [{ kind: "range", column: 0, low: "1", high: null }, "price from 1"],
    [{ kind: "range", column: 0, low: "1", high: "2" }, "price from 1 to 2"],
    [{ kind: "one_of", column: 1, values: ["a", null, "b", "c", "d"] }, "cut is a or null or b or 2 more"],
    [{ kind: "not", condition: { kind: "is_null", column: 1 } }, "cut is not null"],
    [
      {
        kind: "or",
        conditions: [
          { kind: "is_null", column: 0 },
          { kind: "is_null", column: 1 },
        ],
      },
      "(price is null) or (cut is null)",
    ],
  ])("%o is read as %s", (condition, text) => {
    expect(words(condition, nameOf)).toBe(text);
  });
  it("is taken apart into what all has to hold, and joined again", () => {
    const one: Condition = { kind: "is_null", column: 0 };
    const other: Condition = { kind: "is_null", column: 1 };
    expect(parts(joined([one, other]))).toEqual([one, other]);
    expect(joined([one])).toBe(one);
    expect(joined([])).toBeNull();
    expect(columnOf({ kind: "not", condition: other })).toBe(1);
    expect(columnOf({ kind: "or", conditions: [one, other] })).toBeNull();
  });
  it("compares what has an order, and reads texts", () => {
    expect(operatorsOf(column("number")).map(([one]) => one)).toContain("<=");
    expect(operatorsOf(column("text")).map(([one]) => one)).toContain("matches");
    expect(operatorsOf(column("text")).map(([one]) => one)).not.toContain("<=");
  });
});

describe("a press on a header", () => {
  it("sorts up, then down, then not", () => {
    const up = nextSorts([], 3, false);
    const down = nextSorts(up, 3, false);
    expect([up, down, nextSorts(down, 3, false)]).toEqual([
      [{ column: 3, descending: false }],
      [{ column: 3, descending: true }],
      [],
    ]);
  });
  it("sorts beside the others with Shift, and keeps their order", () => {
    const two = nextSorts([{ column: 1, descending: true }], 2, true);
    expect(two).toEqual([
      { column: 1, descending: true },
      { column: 2, descending: false },
    ]);
    expect(nextSorts(two, 1, true)).toEqual([{ column: 2, descending: false }]);
  });
});
