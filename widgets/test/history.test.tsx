import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HistoryActions } from "../src/actions";
import { History } from "../src/history";
import type { Row, Snapshot } from "../src/history/snapshot";
import type { Ask } from "../src/link";
import { host } from "./host";

const NOW = Date.parse("2026-11-23T10:00:30Z");

const row = (given: Partial<Row> = {}): Row => ({
  id: "j_1",
  status: "completed",
  progress: 100,
  name: "diamonds",
  tags: [],
  note: "",
  rows: 1_000,
  created: "2026-11-23T09:50:30Z",
  ended: "2026-11-23T09:51:30Z",
  took: 60,
  size: 27_000,
  ...given,
});

const snapshot = (rows: Row[], given: Partial<Snapshot> = {}): Snapshot => ({
  rows,
  counts: { completed: rows.length },
  total: rows.length,
  first: 0,
  more: false,
  query: { status: [], text: "", period: "all", sort: "created", order: "desc" },
  selected: [],
  trouble: "",
  ...given,
});

afterEach(() => {
  localStorage.clear();
});

const silent = vi.fn<Ask<HistoryActions>>(async () => undefined);

function show(shown: Snapshot, ask: Ask<HistoryActions> = silent, connected = true): HTMLElement {
  const props = { snapshot: shown, connected, now: NOW, ask, listen: () => () => undefined };
  act(() => render(<History {...props} />, host));
  return host;
}

const press = (label: string) =>
  act(async () => {
    const found = [...host.querySelectorAll("button")].find(
      (one) => one.textContent === label || one.getAttribute("aria-label") === label,
    );
    if (!found) throw new Error(`no button ${label}`);
    found.click();
  });

const line = (given: Partial<Row>): string =>
  show(snapshot([row(given)])).querySelector("tbody tr .dg-state")?.textContent ?? "";

describe("a line says where its job is, in a word", () => {
  it.each([
    [{ status: "running", progress: 62.9 }, "Running 62 %"],
    [{ status: "queued", place: 3 }, "Queued 3rd"],
    [{ status: "queued", startsAfter: "2026-11-23T10:00:40Z" }, "Starts in 10 s"],
    [{ status: "failed", stage: "fit" }, "Failed in fit"],
    [{ status: "cancelled" }, "Cancelled"],
    [{ status: "paused" }, "Paused"],
    [{ status: "completed" }, "Completed"],
  ] as [Partial<Row>, string][])("%o", (given, words) => expect(line(given)).toBe(words));

  it("and when its rows are deleted, once that is near", () => {
    show(snapshot([row({ expires: "2026-11-25T10:00:30Z" })]));
    expect(host.querySelector("tbody .dg-fair")?.textContent).toBe("2 d left");
    show(snapshot([row({ expires: "2027-11-25T10:00:30Z" })]));
    expect(host.querySelector("tbody .dg-fair")).toBeNull();
  });
});

it("shows names, tags and notes as the text that they are", () => {
  const hostile = '<img src=x onerror="alert(1)">\u202Egnp.exe';
  show(snapshot([row({ name: hostile, tags: [hostile], note: hostile })]));
  expect(host.querySelector("img")).toBeNull();
  expect(host.querySelector(".dg-name-button")?.textContent).toBe(hostile);
});

it("asks for another order, and turns the one it has", async () => {
  const ask = vi.fn<Ask<HistoryActions>>(async () => undefined);
  show(snapshot([row()]), ask);
  await press("Rows");
  await press("Submitted ↓");
  expect(ask.mock.calls.map(([action, body]) => [action, body])).toEqual([
    ["sort", { by: "rows", order: "desc" }],
    ["sort", { by: "created", order: "asc" }],
  ]);
});

it("asks before it deletes, and tells what was refused", async () => {
  const ask = vi.fn<Ask<HistoryActions>>(async () => ({ done: 1, refused: ["j_2 is running. Cancel it first."] }));
  show(snapshot([row(), row({ id: "j_2", status: "running" })], { selected: ["j_1", "j_2"] }), ask);
  await press("Delete");
  expect(ask).not.toHaveBeenCalled();
  await press("Keep");
  await press("Delete");
  await press("Yes, delete");
  expect(ask).toHaveBeenCalledWith("delete", { ids: ["j_1", "j_2"] }, expect.anything());
  await vi.waitFor(() => expect(host.textContent).toContain("1 deleted, 1 refused."));
  expect(host.textContent).toContain("j_2 is running. Cancel it first.");
});

it("marks a range with shift", async () => {
  const ask = vi.fn<Ask<HistoryActions>>(async () => undefined);
  const rows = ["j_1", "j_2", "j_3"].map((id) => row({ id, name: id }));
  show(snapshot(rows), ask);
  const box = (id: string) => host.querySelector(`[aria-label="Select ${id}"]`) as HTMLInputElement;
  await act(async () => box("j_1").click());
  show(snapshot(rows, { selected: ["j_1"] }), ask);
  await act(async () => void box("j_3").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true })));
  const body = ask.mock.lastCall?.[1] as { ids: string[] } | undefined;
  expect(body?.ids.sort()).toEqual(["j_1", "j_2", "j_3"]);
});

it("keeps what was marked until the kernel has answered", async () => {
  const answers: (() => void)[] = [];
  const ask = vi.fn<Ask<HistoryActions>>(() => new Promise((resolve) => answers.push(() => resolve(undefined))));
  const rows = ["j_1", "j_2"].map((id) => row({ id, name: id }));
  const box = (id: string) => host.querySelector(`[aria-label="Select ${id}"]`) as HTMLInputElement;
  const marked = () => rows.filter(({ id }) => box(id).checked).map(({ id }) => id);
  show(snapshot(rows), ask);
  await act(async () => box("j_1").click());
  show(snapshot(rows), ask); // made before the kernel heard of it
  expect(marked()).toEqual(["j_1"]);
  await act(async () => box("j_2").click());
  show(snapshot(rows, { selected: ["j_1"] }), ask);
  await act(async () => answers[0]?.());
  expect(marked()).toEqual(["j_1", "j_2"]);
  show(snapshot(rows, { selected: ["j_1", "j_2"] }), ask);
  await act(async () => answers[1]?.());
  show(snapshot(rows, { selected: ["j_2"] }), ask); // set in Python
  expect(marked()).toEqual(["j_2"]);
});

it("offers for each state what can be done in it", () => {
  const offered = (status: Row["status"]) => {
    show(snapshot([row({ status })]));
    return [...host.querySelectorAll("tbody .dg-action")].map((one) => one.textContent);
  };
  expect(offered("running")).toContain("Pause");
  expect(offered("paused")).toContain("Resume");
  expect(offered("completed")).toContain("View its rows");
  expect(offered("running")).not.toContain("Delete …");
});

it("says why it is empty", () => {
  expect(show(snapshot([])).textContent).toContain("No jobs yet.");
  const query = { ...snapshot([]).query, text: "x" };
  expect(show(snapshot([], { query })).textContent).toContain("No job matches.");
});

it("says that it stands still when its kernel is gone", () => {
  show(snapshot([row()]), silent, false);
  expect(host.querySelector("[role=alert]")?.textContent).toContain("Not connected to the kernel");
});

it("shows fidelity and source, of a job that has them", async () => {
  localStorage.setItem("datagen_nb.history", JSON.stringify({ hidden: [] }));
  show(snapshot([row({ fidelity: 0.9624, source: "data/diamonds.csv" }), row({ id: "j_2" })]));
  const cells = (key: string) => [...host.querySelectorAll(`td.dg-c-${key}`)].map((cell) => cell.textContent);
  expect(cells("fidelity")).toEqual(["96.2 %", "–"]);
  expect(cells("source")).toEqual(["data/diamonds.csv", "–"]);
});

it("hides a column and remembers it", async () => {
  show(snapshot([row()]));
  const heads = () => [...host.querySelectorAll("th[aria-label]")].map((one) => one.getAttribute("aria-label"));
  expect(heads()).toEqual(["Status", "Name", "Rows", "Submitted", "Took", "Size", "Fidelity"]);
  const box = [...host.querySelectorAll("label")].find((one) => one.textContent === "Size")?.querySelector("input");
  await act(async () => box?.click());
  expect(heads()).not.toContain("Size");
  expect(localStorage.getItem("datagen_nb.history")).toContain("size");
});
