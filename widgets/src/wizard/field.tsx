// A labelled input that sends the kernel what is typed, a moment after the typing, and shows beside
// itself what is wrong with it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const MOMENT = 250; // ms

/** An id for this place alone: Preact's own are the same again in every widget of a page. */
const usePageId = (): string => useState(() => `dg-${Math.random().toString(36).slice(2)}`)[0];

interface Field {
  label: string;
  value: string;
  change: (text: string) => void;
  problem?: string;
  hint?: string;
  placeholder?: string;
  list?: string[];
  narrow?: boolean;
  tidy?: (text: string) => string; // how it is written once it was read
  after?: ComponentChildren;
}

export function Field({ label, value, change, problem, hint, placeholder, list, narrow, tidy, after }: Field) {
  const id = usePageId();
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const typing = useRef(false);
  // What the kernel says goes, but never over what is being typed.
  useEffect(() => {
    if (!typing.current) setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const say = (typed: string) => {
    clearTimeout(timer.current);
    if (typing.current) change(typed);
    typing.current = false;
  };
  return (
    <div class={`dg-field ${narrow ? "dg-narrow" : ""}`}>
      <label for={id}>{label}</label>
      <div class="dg-row">
        <input
          id={id}
          class="dg-input dg-text"
          value={text}
          placeholder={placeholder}
          list={list && `${id}-list`}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={problem ? "true" : undefined}
          aria-describedby={`${id}-help`}
          onInput={({ currentTarget }) => {
            const typed = currentTarget.value;
            typing.current = true;
            setText(typed);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => say(typed), MOMENT);
          }}
          onBlur={({ currentTarget }) => {
            say(currentTarget.value);
            if (tidy) setText(tidy(currentTarget.value));
          }}
          onKeyDown={(event) => event.key === "Enter" && say(event.currentTarget.value)}
        />
        {after}
      </div>
      {list && (
        <datalist id={`${id}-list`}>
          {list.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      <Help id={`${id}-help`} problem={problem} hint={hint} />
    </div>
  );
}

interface Help {
  id: string;
  problem: string | undefined;
  hint: string | undefined;
}

function Help({ id, problem, hint }: Help) {
  return (
    <p id={id} class={problem ? "dg-problem dg-text" : "dg-hint"} aria-live="polite">
      {problem || hint || ""}
    </p>
  );
}

interface Choice {
  label: string;
  value: string;
  options: [string, string][]; // value, words
  change: (value: string) => void;
  problem?: string;
  hint?: string;
}

export function Choice({ label, value, options, change, problem, hint }: Choice) {
  const id = usePageId();
  return (
    <div class="dg-field dg-narrow">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="dg-input"
        aria-invalid={problem ? "true" : undefined}
        aria-describedby={`${id}-help`}
        onChange={({ currentTarget }) => change(currentTarget.value)}
      >
        {options.map(([one, words]) => (
          <option key={one} value={one} selected={one === value}>
            {words}
          </option>
        ))}
      </select>
      <Help id={`${id}-help`} problem={problem} hint={hint} />
    </div>
  );
}

const UNITS: Record<string, number> = {
  "": 1,
  k: 1e3,
  thousand: 1e3,
  m: 1e6,
  mio: 1e6,
  million: 1e6,
  b: 1e9,
  bn: 1e9,
  billion: 1e9,
};

/** A number as people write it ("100,000", "1 000", "1e6", "10k", "2.5 million"); other text as it is. */
export function number(text: string): number | string | null {
  const bare = text.replace(/[\s,_'’]/g, "").toLowerCase();
  if (bare === "") return null;
  if (/^\d{1,3}(\.\d{3}){2,}$/.test(bare)) return Number(bare.replaceAll(".", ""));
  const [, digits, unit = ""] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*)$/.exec(bare) ?? [];
  const factor = UNITS[unit];
  if (digits === undefined || factor === undefined) return text;
  return Number((Number(digits) * factor).toPrecision(15));
}

/** A count: "1.000" is a thousand to some and one to others, so it stays text, to be refused. */
export const whole = (text: string): number | string | null =>
  /^\s*\d{1,3}\.\d{3}\s*$/.test(text) ? text : number(text);

/** A count as it is shown again. */
export const tidy = (text: string): string => shown(whole(text));

/** A number as it is shown in an input; what is no number as it was typed. */
export function shown(value: unknown): string {
  if (typeof value === "number") return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
  return value === undefined || value === null ? "" : String(value);
}
