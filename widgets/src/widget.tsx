// What every widget shares: a component over a snapshot, alive as long as its kernel is.

import { type ComponentType, render as paint } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { dress } from "./dress";
import { type Ask, Link, type Model } from "./link";
import tokens from "./tokens.css";

export type Listen = (event: string, heard: (content: never, buffers: DataView[]) => void) => () => void;

export interface Props<Snapshot> {
  snapshot: Snapshot;
  connected: boolean;
  now: number; // ms, by the kernel's clock
  ask: Ask;
  listen: Listen; // to what the kernel sends besides snapshots; returns how to stop
}

interface Beat {
  at?: number; // s since 1970, by the kernel's clock
  every?: number; // s, the most until the next
  told?: number; // of the newest snapshot
}

/** How many snapshots the kernel had told up to this one. */
const told = (snapshot: unknown): number => (snapshot as { told?: number }).told ?? 0;

const BEATS_MISSED = 3;
const FIRST_WAIT = 2_000; // ms until a silent kernel is asked once more; then twice as long, up to
const LONGEST_WAIT = 60_000;

/** How far the kernel's clock is ahead of this browser's, in ms. */
function ahead(model: Model): number {
  const { at } = model.get("beat") as Beat;
  return at ? at * 1000 - Date.now() : 0;
}

interface LiveProps<Snapshot> {
  model: Model;
  link: Link;
  View: ComponentType<Props<Snapshot>>;
  ended: (snapshot: Snapshot) => boolean;
}

function Live<Snapshot>({ model, link, View, ended }: LiveProps<Snapshot>) {
  const [snapshot, setSnapshot] = useState(model.get("snapshot") as Snapshot);
  const [skew, setSkew] = useState(() => ahead(model));
  const [heard, setHeard] = useState(Date.now());
  const [now, setNow] = useState(Date.now());
  const still = ended(snapshot);

  const take = (newest: Snapshot) => {
    setSnapshot((shown) => (told(newest) >= told(shown) ? newest : shown));
    setHeard(Date.now());
    setNow(Date.now());
  };
  const again = () =>
    link.ask("again", {}, { patience: LONGEST_WAIT }).then((newest) => take(newest as Snapshot), () => undefined);
  const newest = useRef(snapshot);
  newest.current = snapshot;

  useEffect(() => {
    const changed = () => take(model.get("snapshot") as Snapshot);
    const alive = () => {
      setSkew(ahead(model));
      setHeard(Date.now());
      // A server drops what is too much, and a connection that broke has carried nothing.
      if (((model.get("beat") as Beat).told ?? 0) > told(newest.current)) void again();
    };
    model.on("change:snapshot", changed);
    model.on("change:beat", alive);
    return () => {
      model.off("change:snapshot", changed);
      model.off("change:beat", alive);
    };
  }, [model]);

  useEffect(() => {
    if (still) return;
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, [still]);

  const every = (model.get("beat") as Beat).every ?? 4;
  const lost = !still && now - heard >= BEATS_MISSED * every * 1000;

  useEffect(() => {
    if (!lost) return;
    let wait = FIRST_WAIT;
    let timer: ReturnType<typeof setTimeout>;
    const knock = () => {
      void again();
      timer = setTimeout(knock, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    };
    knock();
    return () => clearTimeout(timer);
  }, [lost]);

  const listen: Listen = (event, told) => {
    const hear = (content: { event?: string }, buffers: DataView[] = []) => {
      if (content.event === event) told(content as never, buffers);
    };
    model.on("msg:custom", hear);
    return () => model.off("msg:custom", hear);
  };
  return (
    <View
      snapshot={snapshot}
      connected={!lost}
      now={now + skew}
      ask={link.ask}
      listen={listen}
    />
  );
}

/** An anywidget of a component; one whose snapshot has `ended` needs no kernel any more. */
export function widget<Snapshot>(
  css: string,
  View: ComponentType<Props<Snapshot>>,
  ended: (snapshot: Snapshot) => boolean = () => false,
) {
  return {
    render({ model, el }: { model: Model; el: HTMLElement }) {
      dress(el, tokens, css);
      const link = new Link(model);
      paint(<Live model={model} link={link} View={View} ended={ended} />, el);
      return () => {
        paint(null, el);
        link.close();
      };
    },
  };
}
