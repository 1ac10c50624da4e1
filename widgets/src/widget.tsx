// What every widget shares: a component over a snapshot, alive as long as its kernel is.

import { type ComponentType, render as paint } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { moment } from "./format";
import { type Ask, Link, type Model } from "./link";
import { injectStyles } from "./styles";
import tokens from "./tokens.css";

export type Listen = (event: string, callback: (content: never, buffers: DataView[]) => void) => () => void;

export interface Props<Snapshot, Actions = Record<string, object>> {
  snapshot: Snapshot;
  connected: boolean;
  now: number; // ms, by the kernel's clock
  ask: Ask<Actions>;
  listen: Listen; // to what the kernel sends besides snapshots; returns how to stop
}

interface Heartbeat {
  at?: number; // s since 1970, by the kernel's clock
  every?: number; // s, the most until the next
  seq?: number; // of the newest snapshot
}

interface Stamped {
  seq?: number; // counts the snapshots
  at?: number; // s since 1970, by the kernel's clock
}

interface Managed extends Model {
  widget_manager?: { get_model(id: string): Promise<{ comm_live?: boolean }> };
}

/** Whether there may be a kernel: a page that was made of a saved notebook has none. */
async function hasKernel(model: Managed): Promise<boolean> {
  try {
    const holder = await model.widget_manager?.get_model(String(model.get("holder")));
    return holder?.comm_live !== false;
  } catch {
    return true; // this host has no models to find by name
  }
}

/** The number of a snapshot: a larger one is newer. */
const seq = (snapshot: unknown): number => (snapshot as Stamped).seq ?? 0;

const MISSED_HEARTBEATS = 3;
const FIRST_WAIT = 2_000; // ms until a silent kernel is asked once more; then twice as long, up to
const MAX_WAIT = 60_000;

/** How far the kernel's clock is ahead of this browser's, in ms. */
function ahead(model: Model): number {
  const { at } = model.get("heartbeat") as Heartbeat;
  return at ? at * 1000 - Date.now() : 0;
}

/** When what is shown was so, in ms, by the kernel's clock. */
function asOf(model: Model): number {
  const { at: alive = 0 } = model.get("heartbeat") as Heartbeat;
  const { at: made = 0 } = model.get("snapshot") as Stamped;
  return 1000 * Math.max(alive, made);
}

interface LiveProps<Snapshot, Actions> {
  el: HTMLElement;
  model: Model;
  link: Link;
  View: ComponentType<Props<Snapshot, Actions>>;
  ended: (snapshot: Snapshot) => boolean;
}

function Live<Snapshot, Actions>({ el, model, link, View, ended }: LiveProps<Snapshot, Actions>) {
  const [snapshot, setSnapshot] = useState(model.get("snapshot") as Snapshot);
  const [skew, setSkew] = useState(() => ahead(model));
  const [lastHeard, setLastHeard] = useState(Date.now());
  const [now, setNow] = useState(Date.now());
  const [busy, setBusy] = useState(false);
  const [kernel, setKernel] = useState(true);
  const final = ended(snapshot);

  useEffect(() => void hasKernel(model).then(setKernel), [model]);

  const take = (newest: Snapshot) => {
    setSnapshot((shown) => (seq(newest) >= seq(shown) ? newest : shown));
    setLastHeard(Date.now());
    setNow(Date.now());
  };
  const resync = () =>
    link.ask("resync", {}, { timeout: MAX_WAIT, quiet: true }).then(
      (newest) => take(newest as Snapshot),
      () => undefined,
    );
  const newest = useRef(snapshot);
  newest.current = snapshot;

  useEffect(() => {
    const changed = () => take(model.get("snapshot") as Snapshot);
    const alive = () => {
      setSkew(ahead(model));
      setLastHeard(Date.now());
      // A server drops what is too much, and a connection that broke has carried nothing.
      if (((model.get("heartbeat") as Heartbeat).seq ?? 0) > seq(newest.current)) void resync();
    };
    model.on("change:snapshot", changed);
    model.on("change:heartbeat", alive);
    return () => {
      model.off("change:snapshot", changed);
      model.off("change:heartbeat", alive);
    };
  }, [model]);

  useEffect(() => link.watch(setBusy), [link]);

  useEffect(() => {
    if (final || !kernel) return;
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, [final, kernel]);

  const every = (model.get("heartbeat") as Heartbeat).every ?? 4;
  const silent = kernel && !final && now - lastHeard >= MISSED_HEARTBEATS * every * 1000;
  const lost = silent || !kernel;

  useEffect(() => {
    if (!silent) return;
    let wait = FIRST_WAIT;
    let timer: ReturnType<typeof setTimeout>;
    const retry = () => {
      void resync();
      timer = setTimeout(retry, wait);
      wait = Math.min(2 * wait, MAX_WAIT);
    };
    retry();
    return () => clearTimeout(timer);
  }, [silent]);

  useEffect(() => {
    if (final && kernel) return saveOutputWhenIdle(el, link);
  }, [final, kernel]);

  const listen: Listen = (event, callback) => {
    const receive = (content: { event?: string }, buffers: DataView[] = []) => {
      if (content.event === event) callback(content as never, buffers);
    };
    model.on("msg:custom", receive);
    return () => model.off("msg:custom", receive);
  };
  return (
    <>
      <View
        snapshot={snapshot}
        connected={!lost}
        now={lost ? asOf(model) : now + skew}
        ask={link.ask as Ask<Actions>}
        listen={listen}
      />
      {lost && !final && <p class="dg dg-muted dg-age">as of {moment(asOf(model))}</p>}
      {busy && !lost && (
        <p class="dg dg-warning dg-busy" role="alert">
          The kernel is busy: this happens when the cell ends; interrupt the cell to do it now.
        </p>
      )}
    </>
  );
}

/** Have the kernel write the last state into the notebook's output.
 *
 * The host paints that output anew, so it waits until the widget is on the screen (what leads back
 * to it from elsewhere final finds it) and the focus is not in it, and is left undone once the
 * reader has turned to what is shown. */
function saveOutputWhenIdle(el: HTMLElement, link: Link): () => void {
  const over = new AbortController();
  let isSeen = false;
  const save = () => {
    if (!isSeen || el.contains(document.activeElement)) return;
    over.abort();
    link.ask("save_output", {}, { quiet: true }).catch(() => undefined);
  };
  for (const touch of ["pointerdown", "keydown"])
    el.addEventListener(touch, () => over.abort(), { signal: over.signal });
  el.addEventListener("focusout", () => setTimeout(() => over.signal.aborted || save()), { signal: over.signal });
  const observer = new IntersectionObserver((entries) => {
    isSeen = entries.at(-1)?.isIntersecting ?? true;
    save();
  });
  observer.observe(el);
  over.signal.addEventListener("abort", () => observer.disconnect());
  return () => over.abort();
}

/** An anywidget of a component; one whose snapshot has `ended` needs no kernel any more. */
export function widget<Snapshot, Actions = Record<string, object>>(
  css: string,
  View: ComponentType<Props<Snapshot, Actions>>,
  ended: (snapshot: Snapshot) => boolean = () => false,
) {
  return {
    render({ model, el }: { model: Model; el: HTMLElement }) {
      injectStyles(el, tokens, css);
      const link = new Link(model);
      paint(<Live el={el} model={model} link={link} View={View} ended={ended} />, el);
      return () => {
        paint(null, el);
        link.close();
      };
    },
  };
}
