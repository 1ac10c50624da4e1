import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WizardActions } from "../src/actions";
import type { Ask } from "../src/link";
import { Wizard } from "../src/wizard";
import { number, shown, whole } from "../src/wizard/field";
import { blocked, type Snapshot, type Step, stepOf, wrong } from "../src/wizard/snapshot";
import { ESTIMATE } from "./fakes";

const formats = [
  { name: "csv", label: "CSV", isText: true, endings: [".csv", ".gz"] },
  { name: "parquet", label: "Parquet", isText: false, endings: [".parquet"] },
];
const choices = {
  dataType: ["tabular"],
  preset: ["balanced"],
  columnKind: [
    { name: "categorical", label: "categorical" },
    { name: "plate", label: "licence plate" },
  ],
  inputFormat: formats,
  outputFormat: formats,
};

const snapshot = (given: Partial<Snapshot> = {}): Snapshot => ({
  step: "make",
  config: { parameters: {} },
  output: "",
  sharesFiles: true,
  choices,
  problems: [],
  revision: 1,
  inspecting: "",
  trouble: "",
  table: { label: "diamonds.parquet", rows: 53_940, exact: true, lookedAt: 2_000, columns: 10 },
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
    expect(blocked(snapshot({ inspecting: "diamonds.parquet" }))).toBe("data");
    const problems = [
      { field: "outputFormat", words: "no" },
      { field: "dataSize", words: "Ask for at least 1 row." },
    ];
    expect(blocked(snapshot({ problems }))).toBe("make");
    expect(wrong(snapshot({ problems }), "dataSize")).toBe("Ask for at least 1 row.");
    expect(blocked(snapshot())).toBeNull();
  });
});

const REPLIES: Record<string, unknown> = {
  candidates: {
    frames: [{ name: "prices", rows: 200, columns: 2, size: 3_200 }],
    files: ["a.csv"].map((path) => ({ path, size: 1 })),
  },
  columns: {
    count: 1,
    columns: [
      {
        name: "cut",
        label: "cut",
        type: "string",
        kind: "categorical",
        nulls: 3,
        distinct: 5,
        bars: [{ label: "Ideal", count: 7 }],
        others: 0,
        chosen: null,
      },
    ],
  },
  limits: {
    currentJobs: 5,
    maxJobs: 5,
    waitingJobs: 2,
    maxWaiting: 100,
    allowed: true,
    startsAtOnce: false,
    storageUsed: 0,
  },
  preview: {
    columns: ["cut", "price"],
    yours: [["Ideal", 326]],
    new: [["Good", null]],
    notes: ["Fitted to 2,000 rows."],
  },
};

let hosts: HTMLElement[] = [];
beforeEach(() => {
  hosts = [];
});
afterEach(() => {
  for (const host of hosts) render(null, host);
  document.body.replaceChildren();
});

async function show(
  shown: Snapshot,
  ask: Ask<WizardActions> = async (action) => REPLIES[action],
  connected = true,
): Promise<HTMLElement> {
  const host = document.createElement("div");
  document.body.append(host);
  hosts.push(host);
  const props = { snapshot: shown, connected, now: 0, ask, listen: () => () => undefined };
  await act(async () => render(<Wizard {...props} />, host));
  await act(async () => new Promise((done) => setTimeout(done, 5)));
  return host;
}

const at = (step: Step, given: Partial<Snapshot> = {}): Snapshot =>
  snapshot({ step, config: { dataSize: 1_000, parameters: {} }, ...given });

describe("each step is a picture of its snapshot", () => {
  it.each([
    ["data", ["Which table?", "diamonds.parquet", "53,940 rows × 10 columns", "prices", "200 × 2"]],
    ["make", ["How many rows?", "Rows to make", "as many as your table", "Seed"]],
    ["columns", ["What kind is each column?", "cut", "categorical", "of 2,000 rows"]],
    ["output", ["What becomes of the result?", "Format", "Name of the job"]],
    [
      "review",
      [
        "1,000 rows like diamonds.parquet",
        "3rd in the queue: all 5 slots are taken",
        "Ideal",
        "Good",
        "null",
        "Fitted to 2,000 rows.",
      ],
    ],
  ] as [Step, string[]][])("%s", async (step, words) => {
    const { textContent } = await show(at(step));
    for (const word of words) expect(textContent).toContain(word);
  });

  it("a choice that there is none of is not offered", async () => {
    const lonely = await show(at("make"));
    expect(lonely.textContent).not.toContain("Preset");
    const free = await show(at("make", { choices: { ...choices, preset: ["balanced", "fast"] } }));
    expect(free.textContent).toContain("Preset");
    expect(free.textContent).not.toContain("Kind of data");
  });

  it("an input says beside itself what is wrong, and the next step stays closed", async () => {
    const host = await show(at("make", { problems: [{ field: "dataSize", words: "Give a number." }] }));
    const input = host.querySelector("input") as HTMLInputElement;
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(document.getElementById(input.getAttribute("aria-describedby") ?? "")?.textContent).toBe("Give a number.");
    expect(host.querySelector<HTMLButtonElement>("button[type=submit]")?.disabled).toBe(true);
  });

  it("a kernel that is gone leaves nothing to press", async () => {
    const host = await show(at("review"), async (action) => REPLIES[action], false);
    expect(host.querySelector("[role=alert]")?.textContent).toContain("Not connected");
    expect(host.querySelector("fieldset")?.disabled).toBe(true);
  });
});

it("two wizards of a page have labels of their own", async () => {
  const pair = [await show(at("make")), await show(at("make"))];
  for (const host of pair) {
    const label = [...host.querySelectorAll("label")].find((one) => one.textContent === "Rows to make");
    expect(host.contains(document.getElementById(label?.htmlFor ?? ""))).toBe(true);
  }
});

it("a path that leads nowhere is said at the path", async () => {
  const ask = vi.fn<Ask<WizardActions>>(async (action) => {
    if (action === "path") throw new Error("x.csv does not exist.");
    return REPLIES[action];
  });
  const host = await show(at("data"), ask);
  const input = host.querySelector<HTMLInputElement>("input[list]") as HTMLInputElement;
  await act(async () => {
    input.value = "x.csv";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  });
  expect(ask).toHaveBeenCalledWith("path", { path: "x.csv" }, expect.anything());
  expect(document.getElementById(input.getAttribute("aria-describedby") ?? "")?.textContent).toBe(
    "x.csv does not exist.",
  );
});

it("one error at a time: a new try takes the old one away", async () => {
  const ask = vi.fn<Ask<WizardActions>>(async (action) => {
    if (action === "path") throw new Error("x.csv does not exist.");
    return REPLIES[action];
  });
  const dead = at("data", { trouble: "There is no bucket 'b' here.", table: { label: "b/t.csv" } });
  const host = await show(dead, ask);
  expect(host.querySelector(".dg-chosen")?.textContent).toBe("b/t.csvcould not be read");
  const input = host.querySelector<HTMLInputElement>("input[list]") as HTMLInputElement;
  await act(async () => {
    input.value = "x.csv";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  });
  expect(host.textContent).toContain("x.csv does not exist.");
  expect(host.textContent).not.toContain("no bucket");
});

it("what cannot come true is said before the submit, with a press that changes it", async () => {
  const ask = vi.fn<Ask<WizardActions>>(async (action) => REPLIES[action]);
  const warning = {
    code: "longer_than_timeout",
    message: "It may run longer.",
    remedy: "Set timeout=93600.",
    certain: false,
    field: "timeout",
    value: 93_600,
  } as const;
  const host = await show(at("review", { estimate: { ...ESTIMATE, warnings: [warning] } }), ask);
  expect(host.textContent).toContain("It may run longer.");
  expect(host.textContent).toContain("1 h 5 min to 1 d 1 h");
  expect(host.textContent).not.toContain("costs");
  const fix = [...host.querySelectorAll("button")].find((one) => one.textContent === "Change to a timeout of 1 d 2 h");
  await act(async () => fix?.click());
  expect(ask).toHaveBeenCalledWith("edit", { changes: { timeout: 93_600 } });
});

it("a preview shows floats at a glance, and in full on request", async () => {
  const preview = { columns: ["a", "b"], yours: [], new: [[0.12345678901234, 12_345_678]], notes: [] };
  const host = await show(at("review"), async (action) => (action === "preview" ? preview : REPLIES[action]));
  const cells = [...host.querySelectorAll("td span")];
  expect(cells.map((one) => [one.textContent, one.getAttribute("title")])).toEqual([
    ["0.123457", "0.12345678901234"],
    ["12345678", "12345678"],
  ]);
});

describe("a number", () => {
  it.each([
    ["100,000", 100_000],
    ["1e6", 1_000_000],
    ["1_000", 1_000],
    ["10k", 10_000],
    ["1m", 1_000_000],
    ["2.5 million", 2_500_000],
    ["1.000.000", 1_000_000],
    ["1 000 000", 1_000_000],
    ["1'000'000", 1_000_000],
    ["", null],
    ["many", "many"],
    ["10 kilos", "10 kilos"],
  ])("%j is read as %j", (text, value) => expect(number(text)).toBe(value));

  it("of rows is no guess: 1.000 is a thousand to some", () => expect(whole("1.000")).toBe("1.000"));

  it("is written in one way once it was read", async () => {
    const host = await show(at("make"));
    const input = host.querySelector("input") as HTMLInputElement;
    await act(async () => {
      input.value = "1 000";
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await act(async () => void input.dispatchEvent(new FocusEvent("blur")));
    expect(input.value).toBe("1,000");
  });

  it("is shown as it is read", () => expect(number(shown(1_234_567))).toBe(1_234_567));
});
