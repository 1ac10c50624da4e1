// All rows of the view into a file: its progress, its end, and how to break it off.

import { useEffect, useId, useState } from "preact/hooks";
import { count, rows as inRows } from "../format";
import type { Ask } from "../link";
import type { Listen } from "../widget";
import type { ExportFormat, ExportProgress } from "./protocol";

const FORMATS: [ExportFormat, string][] = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
  ["jsonl", "JSON Lines"],
  ["json", "JSON"],
  ["xlsx", "Excel"],
];
const DAY = 86_400_000; // ms: an export ends by itself or is cancelled

interface ExportProps {
  rows: number;
  formats: ExportFormat[];
  ask: Ask;
  listen: Listen;
}

export function Export({ rows, formats, ask, listen }: ExportProps) {
  const [format, setFormat] = useState<ExportFormat>("csv");
  const group = useId();
  const [isSafe, setSafe] = useState(false);
  const [done, setDone] = useState<ExportProgress | null>(null);
  const [isRunning, setRunning] = useState(false);
  const [trouble, setTrouble] = useState("");
  useEffect(() => listen("export", ((progress: ExportProgress) => setDone(progress)) as never), []);
  const start = async () => {
    setRunning(true);
    setDone({ rows: 0 });
    setTrouble("");
    try {
      setDone((await ask("export", { format, defuse: isSafe }, { timeout: DAY })) as ExportProgress);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      setDone(null);
    }
    setRunning(false);
  };
  return (
    <div class="dgv-export">
      <div class="dg-row" role="radiogroup" aria-label="Format">
        {FORMATS.filter(([key]) => formats.includes(key)).map(([key, label]) => (
          <label key={key}>
            <input type="radio" name={group} checked={format === key} onChange={() => setFormat(key)} /> {label}
          </label>
        ))}
      </div>
      {/csv|xl/.test(format) && (
        <label>
          <input type="checkbox" checked={isSafe} onChange={() => setSafe(!isSafe)} /> Make formulas in texts inert
        </label>
      )}
      {isRunning ? (
        <div class="dg-row">
          <span role="status" class="dg-grow">
            {count(done?.rows ?? 0)} of {inRows(rows)}
          </span>
          <button type="button" class="dg-button" onClick={() => void ask("cancel_export").catch(() => undefined)}>
            Cancel
          </button>
        </div>
      ) : (
        <button type="button" class="dg-button dg-primary" onClick={() => void start()}>
          Export {inRows(rows)}
        </button>
      )}
      {!isRunning && done?.path && (
        <p role="status" class="dg-text">
          {inRows(done.rows)} in {done.path}
        </p>
      )}
      {trouble && (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
