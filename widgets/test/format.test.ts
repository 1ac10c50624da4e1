import { describe, expect, it } from "vitest";
import { about, ago, percent } from "../src/format";

describe("a forecast is no finer than it can be known", () => {
  it.each([
    [3, "3 s"],
    [47, "45 s"],
    [61, "1 min"],
    [2879, "48 min"],
    [3600, "1 h"],
    [7290, "2 h"],
    [9000, "2 h 30 min"],
    [83_000, "23 h"],
    [200_000, "2 d 8 h"],
  ])("%d s: %s", (seconds, words) => expect(about(seconds)).toBe(words));
});

it.each([
  [0, "0 %"],
  [0.03, "0.1 %"],
  [0.49, "0.4 %"],
  [62.9, "62 %"],
  [100, "100 %"],
])("%d of a hundred is %s", (value, words) => expect(percent(value)).toBe(words));

it("says how long ago in its largest unit, and never less than it is", () => {
  const now = Date.parse("2026-11-23T10:00:00Z");
  const before = (seconds: number) => ago(new Date(now - 1000 * seconds).toISOString(), now);
  expect([3, 25, 59, 119].map(before)).toEqual(["just now", "20 s ago", "50 s ago", "1 min ago"]);
});
