import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import widget from "../src/card";
import { Link } from "../src/link";
import type { Snapshot, State } from "../src/snapshot";
import { FakeModel, NOW, snapshot } from "./fakes";
import { host } from "./host";

afterEach(() => {
  vi.useRealTimers();
});

describe("a link", () => {
  it("settles each request by its id", async () => {
    const model = new FakeModel(snapshot("running"));
    const link = new Link(model);
    const good = link.ask("pause");
    const bad = link.ask("cancel");
    model.fire("msg:custom", { id: model.sent[1]?.id, error: "refused" });
    model.fire("msg:custom", { id: model.sent[0]?.id, result: { rows: 3 } });
    await expect(good).resolves.toEqual({ rows: 3 });
    await expect(bad).rejects.toThrow("refused");
  });

  it("gives up on a silent kernel", async () => {
    vi.useFakeTimers();
    const asked = new Link(new FakeModel(snapshot("running"))).ask("pause");
    const refused = expect(asked).rejects.toThrow("did not answer");
    vi.advanceTimersByTime(16_000);
    await refused;
  });
});

describe("a kernel that is busy with a cell", () => {
  const BUSY = "The kernel is busy: this happens when the cell ends; interrupt the cell to do it now.";
  const press = async () => {
    vi.useFakeTimers();
    const model = new FakeModel(snapshot("running"));
    await act(async () => {
      widget.render({ model, el: host });
    });
    await act(async () => host.querySelector<HTMLButtonElement>(".dg-buttons button")?.click());
    expect(model.sent.map((one) => one.action)).toEqual(["pause"]);
    return model;
  };

  it("is said within 2 s of a press that it has not heard, until it has", async () => {
    const model = await press();
    expect(host.textContent).not.toContain(BUSY);
    await act(async () => void vi.advanceTimersByTime(2_000));
    expect(host.textContent).toContain(BUSY);
    await act(async () => model.fire("msg:custom", { id: model.sent[0]?.id, acknowledged: true }));
    expect(host.textContent).not.toContain(BUSY);
  });

  it("is not what makes an answer late that was heard", async () => {
    const model = await press();
    await act(async () => model.fire("msg:custom", { id: model.sent[0]?.id, acknowledged: true }));
    await act(async () => void vi.advanceTimersByTime(5_000));
    expect(host.textContent).not.toContain(BUSY);
    expect(host.textContent).toContain("Pausing");
  });

  it("is not said of what no person asked", async () => {
    vi.useFakeTimers();
    const model = new FakeModel({ ...snapshot("running"), seq: 3 } as Snapshot);
    await act(async () => {
      widget.render({ model, el: host });
    });
    model.heartbeat = { every: 4, seq: 5 };
    await act(async () => model.fire("change:heartbeat"));
    expect(model.sent.map((one) => one.action)).toEqual(["resync"]);
    await act(async () => void vi.advanceTimersByTime(3_000));
    expect(host.textContent).not.toContain(BUSY);
  });
});

it("two views follow one model, and leave nothing behind", async () => {
  const model = new FakeModel(snapshot("running"));
  const second = document.createElement("div");
  const closings: (() => void)[] = [];
  await act(async () => {
    for (const el of [host, second]) closings.push(widget.render({ model, el }));
  });
  model.snapshot = snapshot("completed");
  await act(async () => model.fire("change:snapshot"));
  for (const el of [host, second]) expect(el.textContent).toContain("Completed");
  await act(async () => {
    for (const close of closings) close();
  });
  expect(model.listeners).toBe(0);
});

it("a silent kernel is noticed", async () => {
  vi.useFakeTimers();
  const model = new FakeModel(snapshot("running"));
  await act(async () => {
    widget.render({ model, el: host });
  });
  await act(async () => void vi.advanceTimersByTime(11_000));
  expect(host.textContent).not.toContain("Not connected");
  await act(async () => void vi.advanceTimersByTime(5_000));
  expect(host.textContent).toContain("Not connected");
  await act(async () => model.fire("change:heartbeat"));
  expect(host.textContent).not.toContain("Not connected");
});

it("a kernel that is silent is asked, ever more seldom, and its answer brings the card back", async () => {
  vi.useFakeTimers();
  const model = new FakeModel(snapshot("running"));
  await act(async () => {
    widget.render({ model, el: host });
  });
  for (let seconds = 0; seconds < 60; seconds += 1) await act(async () => void vi.advanceTimersByTime(1_000));
  const asked = model.sent.filter((one) => one.action === "resync");
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(8);
  const newest = { ...snapshot("completed"), seq: 9 };
  await act(async () => model.fire("msg:custom", { id: asked.at(-1)?.id, result: newest }));
  expect(host.textContent).toContain("Completed");
  expect(host.textContent).not.toContain("Not connected");
});

it("what was dropped on its way is asked for after the next heartbeat, and an older answer changes nothing", async () => {
  const model = new FakeModel({ ...snapshot("running"), seq: 3 } as Snapshot);
  await act(async () => {
    widget.render({ model, el: host });
  });
  model.heartbeat = { every: 4, seq: 3 };
  await act(async () => model.fire("change:heartbeat"));
  expect(model.sent).toEqual([]);
  model.heartbeat = { every: 4, seq: 5 };
  await act(async () => model.fire("change:heartbeat"));
  const answer = (seq: number, state: State) =>
    act(async () => model.fire("msg:custom", { id: model.sent[0]?.id, result: { ...snapshot(state), seq } }));
  model.snapshot = { ...snapshot("completed"), seq: 6 } as Snapshot;
  await act(async () => model.fire("change:snapshot"));
  await answer(5, "paused");
  expect(host.textContent).toContain("Completed");
});

it("counts by the kernel's clock, not the browser's", async () => {
  vi.useFakeTimers({ now: NOW - 3_600_000 }); // an hour behind
  const model = new FakeModel(snapshot("running"));
  model.heartbeat = { at: NOW / 1000, every: 4 };
  await act(async () => {
    widget.render({ model, el: host });
  });
  expect(host.textContent).toContain("0:05 elapsed");
  await act(async () => void vi.advanceTimersByTime(3_000));
  expect(host.textContent).toContain("0:08 elapsed");
});

it("with more to follow at once, a kernel may be silent for longer", async () => {
  vi.useFakeTimers();
  const model = new FakeModel(snapshot("running"));
  model.heartbeat = { every: 10 };
  await act(async () => {
    widget.render({ model, el: host });
  });
  await act(async () => void vi.advanceTimersByTime(28_000));
  expect(host.textContent).not.toContain("Not connected");
});
