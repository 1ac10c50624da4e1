// The list of columns: find one by its name, hide it, pin it, go to it, move it by drag or by a button.

import { useState } from "preact/hooks";
import { count } from "../format";
import { type Choice, initialChoice, move, toggled } from "./layout";
import type { Column } from "./protocol";

interface ColumnPanelProps {
  columns: Column[];
  choice: Choice;
  choose: (choice: Choice) => void;
  goTo: (column: number) => void;
}

const SHOWN = 200; // names at once; more are found by the search

export function ColumnPanel({ columns, choice, choose, goTo }: ColumnPanelProps) {
  const [search, setSearch] = useState("");
  const [dragged, setDragged] = useState<number | null>(null);
  const matches = choice.order.filter((column) => columns[column]?.name.toLowerCase().includes(search.toLowerCase()));
  const hide = (hidden: number[]) => choose({ ...choice, hidden });
  return (
    <div class="dgv-panel">
      <input
        class="dg-input"
        type="search"
        aria-label="Search columns"
        placeholder="Search columns"
        value={search}
        onInput={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      <div class="dg-row">
        <button
          type="button"
          class="dg-button"
          onClick={() => hide(choice.hidden.filter((one) => !matches.includes(one)))}
        >
          Show all
        </button>
        <button type="button" class="dg-button" onClick={() => hide([...new Set([...choice.hidden, ...matches])])}>
          Hide all
        </button>
        <button type="button" class="dg-button" onClick={() => choose(initialChoice(columns.length))}>
          Reset
        </button>
      </div>
      <ul class="dgv-list" aria-label="Columns">
        {matches.slice(0, SHOWN).map((column, place) => (
          <li
            key={column}
            class={`dgv-item ${dragged === column ? "dgv-dragged" : ""}`}
            draggable
            onDragStart={(event) => {
              event.dataTransfer?.setData("text/plain", columns[column]?.name ?? "");
              setDragged(column);
            }}
            onDragOver={(event) => dragged !== null && event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged === null) return;
              choose(move(choice, dragged, column, matches.indexOf(dragged) < place));
            }}
            onDragEnd={() => setDragged(null)}
          >
            <input
              type="checkbox"
              aria-label={`Show ${columns[column]?.name}`}
              checked={!choice.hidden.includes(column)}
              onChange={() => hide(toggled(choice.hidden, column))}
            />
            <button
              type="button"
              class="dgv-go dg-text"
              title={columns[column]?.type}
              disabled={choice.hidden.includes(column)}
              onClick={() => goTo(column)}
            >
              {columns[column]?.name}
            </button>
            <Press
              label={`Move ${columns[column]?.name} up`}
              face="↑"
              disabled={place === 0}
              press={() => choose(move(choice, column, matches[place - 1] as number, false))}
            />
            <Press
              label={`${choice.pinned.includes(column) ? "Unpin" : "Pin"} ${columns[column]?.name}`}
              face={choice.pinned.includes(column) ? "◆" : "◇"}
              press={() => choose({ ...choice, pinned: toggled(choice.pinned, column) })}
            />
          </li>
        ))}
      </ul>
      {matches.length === 0 && <span class="dg-muted">No column has this in its name.</span>}
      {matches.length > SHOWN && <span class="dg-muted">{count(matches.length - SHOWN)} more: search by name.</span>}
    </div>
  );
}

interface PressProps {
  label: string;
  face: string;
  disabled?: boolean;
  press: () => void;
}

function Press({ label, face, disabled = false, press }: PressProps) {
  return (
    <button type="button" class="dgv-press" aria-label={label} title={label} disabled={disabled} onClick={press}>
      {face}
    </button>
  );
}
