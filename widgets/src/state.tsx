// A job's state as people see it: always a shape, a colour and a word.

import type { State } from "./snapshot";

export const WORDS: Record<State, string> = {
  queued: "Queued",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  paused: "Paused",
};

export const ENDED: State[] = ["completed", "failed", "cancelled"];

const SHAPES: Record<State, string> = {
  queued: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3",
  running: "M8 2.5A5.5 5.5 0 1 1 2.5 8",
  completed: "M3 8.5l3.2 3L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6",
  paused: "M5.5 3v10M10.5 3v10",
};

export function StateMark({ state, still = false }: { state: State; still?: boolean }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" class={state === "running" && !still ? "dg-turns" : ""}>
      <path d={SHAPES[state]} />
    </svg>
  );
}
