// One cell in full: long texts, nested values; its text can be marked and copied as on any page.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Column } from "./protocol";

export interface OneCell {
  text: string | null;
  number: number; // of the row in the table
  isCut: boolean;
}

interface DetailProps {
  column: Column;
  row: number; // of the view
  read: () => Promise<OneCell>;
  close: () => void;
}

export function Detail({ column, row, read, close }: DetailProps) {
  const [found, setFound] = useState<Awaited<ReturnType<DetailProps["read"]>> | null>(null);
  const [trouble, setTrouble] = useState("");
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    let isNewest = true;
    setFound(null);
    setTrouble("");
    read().then(
      (value) => isNewest && setFound(value),
      (error) => isNewest && setTrouble(String(error.message ?? error)),
    );
    panel.current?.focus();
    return () => {
      isNewest = false;
    };
  }, [column, row]);
  return (
    <aside
      ref={panel}
      class="dgv-detail"
      tabIndex={-1}
      aria-label={`${column.name}, one value`}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <div class="dg-row">
        <strong class="dg-grow dg-text">{column.name}</strong>
        <button type="button" class="dg-button dg-quiet" onClick={close}>
          Close
        </button>
      </div>
      <span class="dg-muted">
        {column.type}
        {found && ` · row ${(found.number + 1).toLocaleString("en-US")}`}
        {found?.text && ` · ${found.text.length.toLocaleString("en-US")} characters${found.isCut ? ", cut" : ""}`}
      </span>
      {found && (found.text === null ? <em class="dg-muted">null</em> : <pre class="dg-text">{found.text}</pre>)}
      {trouble && (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      )}
    </aside>
  );
}
