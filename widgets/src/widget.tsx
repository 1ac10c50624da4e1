// What every widget shares: a component over a snapshot, alive as long as its kernel is.

import { type ComponentType, render as paint } from "preact";
import { useEffect, useState } from "preact/hooks";
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
}

const BEATS_MISSED = 3;

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

  useEffect(() => {
    const changed = () => {
      setSnapshot(model.get("snapshot") as Snapshot);
      setHeard(Date.now());
      setNow(Date.now());
    };
    const alive = () => {
      setSkew(ahead(model));
      setHeard(Date.now());
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
      connected={still || now - heard < BEATS_MISSED * every * 1000}
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
