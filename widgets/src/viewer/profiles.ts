// What headers show of their columns, for those that are seen.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Props } from "../widget";
import { type Profile, QUIET, type Snapshot } from "./protocol";

const MOST_PROFILED = 100; // columns at once

/** Profiles of the columns whose headers are seen, for the rows that are kept; one request at a time, so that rows go first. */
export function useProfiles(ask: Props<Snapshot>["ask"], epoch: number, kept: string) {
  const [, setCount] = useState(0);
  const store = useMemo<Profiles>(() => ({ known: new Map(), wanted: [], isBusy: false }), [kept]);
  const run = async () => {
    if (store.isBusy) return;
    store.isBusy = true;
    for (let columns = lacking(store); columns.length > 0; columns = lacking(store)) {
      try {
        const found = (await ask("profiles", { epoch, columns }, QUIET)) as (Profile | null)[]; // of the first ones
        for (const [place, one] of found.entries()) store.known.set(columns[place] as number, one);
        setCount((before) => before + 1);
      } catch {
        store.wanted = store.wanted.filter((one) => !columns.includes(one)); // headers without histograms
      }
    }
    store.isBusy = false;
  };
  useEffect(() => void run(), [store]);
  return {
    of: (column: number) => store.known.get(column) ?? undefined,
    want: (columns: number[]) => {
      store.wanted = columns;
      void run();
    },
  };
}

interface Profiles {
  known: Map<number, Profile | null>; // null of a column that cannot be counted
  wanted: number[];
  isBusy: boolean;
}

const lacking = ({ known, wanted }: Profiles): number[] =>
  wanted.filter((column) => !known.has(column)).slice(0, MOST_PROFILED);
