import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CardActions, CardFile } from "../src/actions";
import widget, { Card } from "../src/card";
import type { Ask } from "../src/link";
import type { Snapshot } from "../src/snapshot";
import type { Listen } from "../src/widget";
import { ESTIMATE, FakeModel, NOW, snapshot } from "./fakes";
import { host } from "./host";

afterEach(() => {
  vi.useRealTimers();
});

const never: Ask<CardActions> = async () => {
  throw new Error("not asked for");
};

const silence: Listen = () => () => undefined;

function show(shown: Snapshot, ask = never, connected = true): HTMLElement {
  const props = { snapshot: shown, connected, now: NOW, ask, listen: silence };
  act(() => render(<Card {...props} />, host));
  return host;
}

const buttons = (): string[] => [...host.querySelectorAll("button")].map((button) => button.textContent ?? "");

const press = async (label: string): Promise<void> => {
  const found = [...host.querySelectorAll("button")].find((b) => b.textContent === label);
  if (!found) throw new Error(`no button ${label}`);
  await act(async () => found.click());
};

describe("a card says where its job is", () => {
  it("running: stage, rows, speed, what is left", () => {
    const text = show(snapshot("running")).textContent;
    for (const words of [
      "Running",
      "diamonds → 1,000,000 rows",
      "fit 1.8 s",
      "generate 62 %",
      "620,000 of 1,000,000 rows · 214,000 rows/s",
      "about 2 s left · 0:05 elapsed",
    ])
      expect(text).toContain(words);
    expect(host.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("62");
    expect(buttons()).toEqual(["Pause", "Logs", "Details", "", "Cancel"]);
  });

  it("run again: where the new jobs are", () => {
    const text = show({ ...snapshot("cancelled"), reruns: ["j_2", "j_3"] }).textContent;
    for (const job of ["j_2", "j_3"]) expect(text).toContain(`Run again as ${job}: client.jobs.get("${job}")`);
  });

  it("queued: its place", () => {
    expect(show(snapshot("queued", { queuePosition: 2 })).textContent).toContain("2nd in the queue");
  });

  it("queued in a cooldown: why, and for how long", () => {
    const cooling = { queuePosition: 1, startsAfter: "2026-11-23T10:00:53Z" };
    const text = show(snapshot("queued", cooling)).textContent;
    expect(text).toContain("1st in the queue");
    expect(text).toContain("starts in 23 s: a job was cancelled");
  });

  it("paused: how long it can be resumed", () => {
    const text = show(snapshot("paused", { resumeUntil: "2026-11-24T09:41:30Z" })).textContent;
    expect(text).toContain("620,000 rows kept on disk");
    expect(text).toContain("can be resumed for 23 h 41 min");
    expect(buttons()).toEqual(["Resume", "Logs", "Details", "", "Cancel"]);
  });

  it("completed: time, size, fidelity, memorisation in words", () => {
    const done = snapshot("completed");
    done.report = { fidelity: 0.993, privacy: "no closer to your rows than chance", level: "ok" };
    const text = show(done).textContent;
    expect(text).toContain("3.1 s · 2.4 MB Parquet · fidelity 99.3 %");
    expect(text).toContain("privacy OK: no closer to your rows than chance");
    expect(buttons()).toEqual(["View", "Report", "Download", "Rerun", "Logs", "Details"]);
  });

  it.each([
    ["ok", "✓ privacy OK"],
    ["caution", "! privacy caution"],
    ["bad", "✕ privacy risk"],
  ] as const)("completed: privacy %s as words, a sign and a colour", (level, words) => {
    const done = snapshot("completed");
    done.report = { fidelity: 0.99, privacy: "as the report has it", level };
    const verdict = [...show(done).querySelectorAll("b")].find((one) => one.textContent === words);
    expect(verdict?.className).toBe({ ok: "dg-good", caution: "dg-fair", bad: "dg-risk" }[level]);
  });

  it.each([
    [true, ["Edit and rerun", "Rerun", "Logs", "Details"]],
    [false, ["Edit and rerun", "Logs", "Details"]],
  ])("failed: a rerun is offered if it helps: %s", (retryHelps, offered) => {
    show(snapshot("failed", { error: { code: "x", message: "It broke.", details: { retryHelps } } }));
    expect(buttons()).toEqual(offered);
  });

  it("on request: source, seed, parameters, and its times in full", async () => {
    show({ ...snapshot("completed"), parameters: '{"sampleRows": 1000}' });
    expect(host.querySelector("dl")).toBeNull();
    await press("Details");
    const list = host.querySelector("dl")?.textContent;
    for (const words of ["Sourcedata/diamonds.parquet", "Seed7", '{"sampleRows": 1000}', "Timeout1 h", "23 Nov 2026"])
      expect(list).toContain(words);
  });

  it("failed: where, what, what now, whether a retry helps", () => {
    const text = show(
      snapshot("failed", {
        requestId: "8c1f",
        error: {
          code: "ragged_row",
          message: "Line 20,481 has 13 fields, the header has 12.",
          details: { stage: "read", remedy: "Correct the file.", retryHelps: false },
        },
      }),
    ).textContent;
    for (const words of [
      "Failed in read",
      "Line 20,481",
      "Correct the file.",
      "Running it again unchanged will not help.",
      "ragged_row · attempt 1 · request 8c1f",
    ])
      expect(text).toContain(words);
  });

  it("not connected: says so, looks so, and its buttons rest", () => {
    expect(show(snapshot("running"), never, false).textContent).toContain("Not connected");
    expect(host.querySelector("[role=status]")?.textContent).toBe("Last seen running");
    expect(host.querySelector(".dg-lost")).not.toBeNull();
    const alive = [...host.querySelectorAll("button")].filter((button) => !button.disabled);
    expect(alive.map((button) => button.textContent)).toEqual(["Details"]); // they need no kernel
  });
});

describe("a card asks", () => {
  it("before it cancels", async () => {
    const ask = vi.fn(async () => undefined);
    show(snapshot("running"), ask);
    await press("Cancel");
    expect(ask).not.toHaveBeenCalled();
    await press("Keep");
    await press("Cancel");
    await press("Yes, cancel");
    expect(ask).toHaveBeenCalledExactlyOnceWith("cancel", undefined, expect.anything());
  });

  it("and says what was asked until the kernel has answered", async () => {
    show(snapshot("running"), () => new Promise(() => undefined));
    await press("Cancel");
    await press("Yes, cancel");
    expect(host.querySelector("[role=status]")?.textContent).toBe("Cancelling …");
  });

  it("with the focus on the harmless answer, and gives it back", async () => {
    show(snapshot("running"));
    await press("Cancel");
    expect(document.activeElement?.textContent).toBe("Keep");
    await act(
      async () =>
        void document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })),
    );
    expect(document.activeElement?.textContent).toBe("Cancel");
    expect(buttons()).toEqual(["Pause", "Logs", "Details", "", "Cancel"]);
  });

  it("for a rerun that can complete, where the estimate warns", async () => {
    const ask = vi.fn(async () => undefined);
    const warning = {
      code: "larger_than_disk",
      message: "It may not fit.",
      remedy: "Ask for fewer rows.",
      certain: false,
      field: "dataSize",
      value: 5_000,
    } as const;
    show(snapshot("running", { estimate: { ...ESTIMATE, warnings: [warning] } }), ask);
    expect(host.textContent).toContain("It may not fit.");
    await press("Rerun with 5,000 rows");
    expect(ask).toHaveBeenCalledExactlyOnceWith("edit", { field: "dataSize", value: 5_000 }, expect.anything());
  });

  it("for the report, and takes it away again", async () => {
    const ask = vi.fn(async () => null);
    show(snapshot("completed"), ask);
    await press("Report");
    await press("Hide report");
    expect(ask.mock.calls.map(([action]: unknown[]) => action)).toEqual(["report", "close"]);
  });

  it("and says why it was refused", async () => {
    show(snapshot("running"), async () => {
      throw new Error("Job j_7QK2 is completed; it cannot be paused.");
    });
    await press("Pause");
    expect(host.querySelector("[role=alert]")?.textContent).toContain("cannot be paused");
  });
});

it("shows hostile text as text", () => {
  const bad = snapshot("running", { warnings: ["<img src=x onerror=alert(1)>"] });
  bad.title = "<script>alert(1)</script>";
  show(bad);
  expect(host.querySelector("script, img")).toBeNull();
  expect(host.textContent).toContain("<script>alert(1)</script>");
});

it("a cancelled job counts its cooldown down", async () => {
  vi.useFakeTimers({ now: NOW });
  const model = new FakeModel({ ...snapshot("cancelled"), cooldownUntil: "2026-11-23T10:00:53Z" });
  await act(async () => {
    widget.render({ model, el: host });
  });
  expect(host.textContent).toContain("the next job starts in 23 s");
  await act(async () => void vi.advanceTimersByTime(3_000));
  expect(host.textContent).toContain("the next job starts in 20 s");
});

describe("a log", () => {
  const line = (cursor: number, message: string) => ({
    cursor,
    message,
    level: "info",
    timestamp: "2026-11-23T10:00:30Z",
  });

  it("shows the lines so far and each new one, none twice, none lost", async () => {
    const model = new FakeModel(snapshot("running"));
    await act(async () => {
      widget.render({ model, el: host });
    });
    await press("Logs");
    const asked = model.sent.find((one) => one.action === "logs");
    await act(async () => model.fire("msg:custom", { event: "log", job: "j_7QK2", lines: [line(3, "third")] }));
    await act(async () => model.fire("msg:custom", { id: asked?.id, result: [line(1, "first"), line(2, "<b>")] }));
    await act(async () =>
      model.fire("msg:custom", { event: "log", job: "j_7QK2", lines: [line(3, "third"), line(4, "fourth")] }),
    );
    await act(async () => model.fire("msg:custom", { event: "log", job: "j_other", lines: [line(5, "not ours")] }));
    const said = [...host.querySelectorAll("[role=log] > div span")].map((one) => one.textContent);
    expect(said).toEqual(["first", "<b>", "third", "fourth"]);
  });
});

describe("a download", () => {
  it.each([
    ["Download", "result", "people.csv"],
    ["Download model", "model", "people.model"],
  ])("of %s asks chunk by chunk and saves what came", async (label, file, name) => {
    const saved: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
      saved.push(blob as Blob);
      return "blob:test";
    });
    const model = new FakeModel({ ...snapshot("completed"), modelSize: 7 });
    await act(async () => {
      widget.render({ model, el: host });
    });
    await press(label);
    const other = file === "model" ? "result" : "model"; // what another view of the card asks for
    const answer = async (result: object, bytes?: string) => {
      const asked = model.sent[model.sent.length - 1];
      const view = bytes === undefined ? [] : [new DataView(new TextEncoder().encode(bytes).buffer)];
      await act(async () => {
        if (bytes !== undefined) {
          const start = asked?.body.start;
          model.fire("msg:custom", { event: "chunk", file, start }, view);
          model.fire("msg:custom", { event: "chunk", file: other, start }, [new DataView(new ArrayBuffer(2))]);
        }
        model.fire("msg:custom", { id: asked?.id, result });
      });
    };
    await answer({ name, size: 7, tooLarge: false });
    await answer({}, "a,b\n");
    expect(host.textContent).toContain("Downloading 57 %");
    await answer({}, "1,2");
    expect(host.textContent).toContain(`Downloaded ${name}`);
    expect(model.sent.map(({ action, body }) => [action, body.file])).toEqual([
      ["download", file],
      ["chunk", file],
      ["chunk", file],
    ]);
    expect(await saved[0]?.text()).toBe("a,b\n1,2");
    vi.restoreAllMocks();
  });

  it.each([
    ["Download", "result"],
    ["Download model", "model"],
  ])("of too much by %s says so, and offers to save it beside the notebook", async (label, file) => {
    show({ ...snapshot("completed"), modelSize: 5e9 }, async (action, body) =>
      action === "save" ? { path: `/home/me/${(body as CardFile).file}` } : { name: "p", size: 5e9, tooLarge: true },
    );
    const says = (words: string) => vi.waitFor(() => act(async () => expect(host.textContent).toContain(words)));
    await press(label);
    await says("5.0 GB are too much to pass through the notebook.");
    await press("Save beside the notebook");
    await says(`Saved as /home/me/${file}`);
  });

  it("of a model is offered where the job keeps one", () => {
    show(snapshot("completed"));
    expect(buttons()).toContain("Download");
    expect(buttons()).not.toContain("Download model");
    show({ ...snapshot("completed"), modelSize: 1 });
    expect(buttons().slice(0, 4)).toEqual(["View", "Report", "Download", "Download model"]);
  });
});

it("counts the resume window down", async () => {
  vi.useFakeTimers({ now: NOW });
  const model = new FakeModel(snapshot("paused", { resumeUntil: "2026-11-23T10:01:00Z" }));
  await act(async () => {
    widget.render({ model, el: host });
  });
  expect(host.textContent).toContain("can be resumed for 30 s");
  await act(async () => void vi.advanceTimersByTime(5_000));
  expect(host.textContent).toContain("can be resumed for 25 s");
});

it("a feed that broke says why", async () => {
  const model = new FakeModel({ ...snapshot("running"), trouble: "The service is gone." });
  await act(async () => {
    widget.render({ model, el: host });
  });
  expect(host.textContent).toContain("The service is gone. The job goes on");
});
