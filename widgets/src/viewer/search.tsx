// The search box: a text in any column, how often it is found, the match that is gone to.

import { useRef, useState } from "preact/hooks";
import { count } from "../format";
import type { Props } from "../widget";
import { type Matches, QUIET, type Query, type Snapshot } from "./protocol";

const SEARCH_AFTER = 250; // ms without a key
const COUNT_AFTER = 500; // ms until the growing number of matches is asked for again

interface SearchProps {
  query: Query;
  ask: Props<Snapshot>["ask"];
  jump: (row: number, column: number) => void;
  failed: (error: unknown) => void;
}

/** Finds a text in any column: how often, and the next one or the one before. */
export function Search({ query, ask, jump, failed }: SearchProps) {
  const [text, setText] = useState(query.search);
  const [found, setFound] = useState<Matches | null>(null);
  const newest = useRef("");
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const find = async (by: -1 | 0 | 1, sought = text) => {
    newest.current = sought;
    if (sought === "") return setFound(null);
    try {
      let next = (await ask("find", { text: sought, by }, QUIET)) as Matches | null;
      if (next?.row !== undefined && next.column !== undefined && newest.current === sought)
        jump(next.row, next.column);
      while (next !== null && newest.current === sought) {
        setFound(next);
        if (next.isComplete) return;
        await new Promise((done) => setTimeout(done, COUNT_AFTER));
        next = (await ask("find", { text: sought, by: 0 }, QUIET)) as Matches | null; // how many by now
      }
    } catch (error) {
      failed(error);
    }
  };
  const type = (sought: string) => {
    setText(sought);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void find(0, sought), SEARCH_AFTER);
  };
  return (
    <search class="dg-row dg-grow">
      <input
        class="dg-input dg-search"
        type="search"
        aria-label="Search the table"
        placeholder="Search the table"
        value={text}
        onInput={({ currentTarget }) => type(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          void find(event.shiftKey ? -1 : 1);
        }}
      />
      {found && (
        <span role="status" class="dg-muted">
          {found.count === 0 && found.isComplete
            ? "No match"
            : `${count(found.count)}${found.isComplete ? "" : "+"} ${found.count === 1 ? "match" : "matches"}`}
        </span>
      )}
      {found && found.count > 0 && (
        <>
          <button
            type="button"
            class="dg-button dg-quiet dg-icon"
            aria-label="Match before"
            onClick={() => void find(-1)}
          >
            ↑
          </button>
          <button type="button" class="dg-button dg-quiet dg-icon" aria-label="Next match" onClick={() => void find(1)}>
            ↓
          </button>
        </>
      )}
    </search>
  );
}
