// A job's log: the lines so far, then each as it is logged.

import { useEffect, useRef, useState } from "preact/hooks";
import type { CardActions } from "./actions";
import type { Ask } from "./link";
import type { Listen } from "./widget";

export interface Line {
  cursor: number;
  timestamp: string;
  level: "info" | "warning" | "error";
  message: string;
}

const MAX_LINES = 1_000;

function together(known: Line[], more: Line[]): Line[] {
  const last = known[known.length - 1]?.cursor ?? 0;
  return [...known, ...more.filter((line) => line.cursor > last)].slice(-MAX_LINES);
}

export function Logs({ job, ask, listen }: { job: string; ask: Ask<CardActions>; listen: Listen }) {
  const [lines, setLines] = useState<Line[] | null>(null);
  const [trouble, setTrouble] = useState("");
  const list = useRef<HTMLOListElement>(null);

  useEffect(() => {
    setLines(null);
    // What is logged before the first lines have come waits for them, so that none is missed.
    let early: Line[] | null = [];
    const stop = listen("log", (message: { job: string; lines: Line[] }) => {
      if (message.job !== job) return;
      if (early) early = [...early, ...message.lines];
      else setLines((known) => together(known ?? [], message.lines));
    });
    ask("logs").then(
      (first) => {
        setLines(together(first as Line[], early ?? []));
        early = null;
      },
      (error: Error) => setTrouble(error.message),
    );
    return stop;
  }, [job]);

  useEffect(() => {
    list.current?.scrollTo?.(0, list.current.scrollHeight);
  }, [lines]);

  if (trouble)
    return (
      <p class="dg-warning" role="alert">
        {trouble}
      </p>
    );
  if (!lines) return <p class="dg-muted">Fetching the log …</p>;
  if (!lines.length) return <p class="dg-muted">The log is empty so far.</p>;
  return (
    <ol class="dg-logs" role="log" aria-label="Log" tabIndex={0} ref={list}>
      {lines.map((line) => (
        <div key={line.cursor} class={`dg-log-${line.level}`}>
          <time dateTime={line.timestamp}>{new Date(line.timestamp).toLocaleTimeString("en-GB")}</time>
          <span class="dg-text">
            {line.level === "info" ? "" : `${line.level}: `}
            {line.message}
          </span>
        </div>
      ))}
    </ol>
  );
}
