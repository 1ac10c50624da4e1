import { describe, expect, it } from "vitest";
import { type Snapshot, blocked, stepOf, wrong } from "../src/wizard/snapshot";

const snapshot = (given: Partial<Snapshot> = {}): Snapshot => ({
  step: "make",
  config: { parameters: {} },
  output: "",
  sharesFiles: true,
  problems: [],
  revision: 1,
  looking: "",
  trouble: "",
  table: { label: "diamonds.parquet", rows: 53_940, exact: true, columns: 10 },
  ...given,
});

describe("the steps", () => {
  it.each([
    ["inputPath", "data"],
    ["parameters.encoding", "data"],
    ["dataSize", "make"],
    ["parameters.seed", "make"],
    ["parameters.columns", "columns"],
    ["outputFormat", "output"],
    ["webhook", "output"],
  ])("%s is chosen in %s", (field, step) => expect(stepOf(field)).toBe(step));

  it("wait for a table, then for the first that is wrong", () => {
    const { table: _, ...without } = snapshot();
    expect(blocked(without)).toBe("data");
    expect(blocked(snapshot({ looking: "diamonds.parquet" }))).toBe("data");
    const problems = [
      { field: "outputFormat", words: "no" },
      { field: "dataSize", words: "Ask for at least 1 row." },
    ];
    expect(blocked(snapshot({ problems }))).toBe("make");
    expect(wrong(snapshot({ problems }), "dataSize")).toBe("Ask for at least 1 row.");
    expect(blocked(snapshot())).toBeNull();
  });
});
