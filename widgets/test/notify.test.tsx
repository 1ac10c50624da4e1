import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { announce, type News, NotifySettings, useWitness } from "../src/notify";

const news = (given: Partial<News> = {}): News => ({
  id: "j_1",
  state: "completed",
  headline: "Completed",
  title: "diamonds",
  text: "1,000 rows",
  show: () => undefined,
  ...given,
});

const toasts = () => [...document.querySelectorAll(".dg-toast")];
const press = (label: string) =>
  act(async () => [...document.querySelectorAll("button")].find((one) => one.textContent === label)?.click());

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  document.body.replaceChildren();
  localStorage.clear();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("tells each job's end once, in one polite region", async () => {
  await act(async () => [news(), news(), news({ id: "j_2", title: "flights" })].forEach(announce));
  expect(toasts().map((one) => one.querySelector("strong")?.textContent)).toEqual(["diamonds", "flights"]);
  expect(document.querySelectorAll("[role=status][aria-live=polite]")).toHaveLength(1);
});

it("goes by itself, but not while it is held", async () => {
  await act(async () => announce(news()));
  await act(async () => void toasts()[0]?.dispatchEvent(new FocusEvent("focusin", { bubbles: true })));
  await act(async () => void vi.advanceTimersByTime(60_000));
  expect(toasts()).toHaveLength(1);
  await act(async () => void toasts()[0]?.dispatchEvent(new FocusEvent("focusout", { bubbles: true })));
  await act(async () => void vi.advanceTimersByTime(8_000));
  expect(toasts()).toHaveLength(0);
});

it("shows the job, or is dismissed", async () => {
  const show = vi.fn();
  await act(async () => announce(news({ show })));
  await press("Show");
  expect(show).toHaveBeenCalledOnce();
  await act(async () => announce(news({ id: "j_2" })));
  await press("Dismiss");
  expect(toasts()).toHaveLength(0);
});

it("never has more than four", async () => {
  await act(async () => {
    for (const id of ["1", "2", "3", "4", "5", "6"]) announce(news({ id, title: id }));
  });
  expect(toasts().map((one) => one.querySelector("strong")?.textContent)).toEqual(["3", "4", "5", "6"]);
});

it("shows hostile names as text", async () => {
  await act(async () => announce(news({ title: "<img src=x onerror=alert(1)>", text: "<script>" })));
  expect(document.querySelector("img, script")).toBeNull();
});

it("tells nothing in the page once that is switched off", async () => {
  localStorage.setItem("datagen_nb.notify", JSON.stringify({ page: false }));
  await act(async () => announce(news()));
  expect(toasts()).toHaveLength(0);
});

it("asks the browser only by the click that wants it, and says when it is refused", async () => {
  const requestPermission = vi.fn(async () => "denied");
  vi.stubGlobal("Notification", { permission: "default", requestPermission });
  const host = document.createElement("div");
  document.body.append(host);
  act(() => render(<NotifySettings />, host));
  await act(async () => host.querySelector("button")?.click());
  expect(requestPermission).not.toHaveBeenCalled();
  const box = [...host.querySelectorAll("label")].find((one) => one.textContent?.includes("browser"));
  await act(async () => box?.querySelector("input")?.click());
  expect(requestPermission).toHaveBeenCalledOnce();
  expect(host.textContent).toContain("does not allow it");
  expect(JSON.parse(localStorage.getItem("datagen_nb.notify") ?? "{}").browser).toBe(false);
});

it("notes nothing that is in view in another widget, and no cancellation", async () => {
  const Card = () => {
    useWitness((job) => job === "j_1");
    return null;
  };
  const host = document.createElement("div");
  document.body.append(host);
  act(() => render(<Card />, host));
  await act(async () => [news(), news({ id: "j_2" }), news({ id: "j_3", state: "cancelled" })].forEach(announce));
  expect(toasts()).toHaveLength(1);
  act(() => render(null, host));
  await act(async () => announce(news({ id: "j_1" }))); // seen before: no news later
  expect(toasts()).toHaveLength(1);
});
