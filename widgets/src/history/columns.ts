// Which columns are shown and how wide they are: the reader's own choice, kept in the browser.

import { useState } from "preact/hooks";
import { COLUMNS } from "./snapshot";

interface Choice {
  hidden: string[];
  widths: Record<string, number>; // px
}

const KEY = "datagen_nb.history";
export const LEAST = 48; // px

function kept(): Choice {
  const usual = { hidden: COLUMNS.filter((one) => one.hidden).map((one) => one.key), widths: {} };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return usual;
  }
}

export function useColumns() {
  const [choice, setChoice] = useState(kept);
  const choose = (next: Choice) => {
    setChoice(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // A host without storage forgets.
    }
  };
  const shown = COLUMNS.filter((one) => !choice.hidden.includes(one.key)).map((one) => ({
    ...one,
    width: choice.widths[one.key] ?? one.width,
    takesTheRest: one.takesTheRest === true && choice.widths[one.key] === undefined,
  }));
  const toggle = (key: string) => {
    const hidden = choice.hidden.includes(key) ? choice.hidden.filter((one) => one !== key) : [...choice.hidden, key];
    choose({ ...choice, hidden });
  };
  const resize = (key: string, width: number) =>
    choose({ ...choice, widths: { ...choice.widths, [key]: Math.max(LEAST, Math.round(width)) } });
  return { shown, isShown: (key: string) => !choice.hidden.includes(key), toggle, resize };
}
