// The history: one page of jobs, live; what is done to them is asked of the kernel.

import { useEffect, useRef, useState } from "preact/hooks";
import type { HistoryActions } from "./actions";
import { count, rows } from "./format";
import { useColumns } from "./history/columns";
import type { Row, Snapshot } from "./history/snapshot";
import { type RowAction, Table } from "./history/table";
import { Foot, Tools } from "./history/tools";
import css from "./history.css";
import { type Ask, messageOf } from "./link";
import { announce, useWitness } from "./notify";
import { ENDED, WORDS } from "./state";
import { useInView } from "./visibility";
import { type Props, widget } from "./widget";

interface PendingAction {
  action: "cancel" | "delete";
  ids: string[];
}

const TIMEOUT_MS = 60_000;

export function History({ snapshot: newest, connected, now, ask }: Props<Snapshot, HistoryActions>) {
  // What is marked here stands until the kernel has answered: a snapshot on its way does not know of it.
  const [marked, setMarked] = useState<string[] | null>(null);
  const unanswered = useRef(0);
  const selected = marked ?? newest.selected;
  const snapshot = { ...newest, selected };
  const [pending, setPending] = useState<PendingAction | null>(null);
  const [note, setNote] = useState("");
  const [refusals, setRefusals] = useState<string[]>([]);
  const [editing, setEditing] = useState<string | null>(null);
  const panel = useRef<HTMLElement>(null);
  const { shown, isShown, toggle, resize } = useColumns();
  const fail = (error: unknown) => setRefusals([messageOf(error)]);
  useEnds(snapshot, panel);

  const say: Ask<HistoryActions> = (action, body) => {
    setRefusals([]);
    setNote("");
    return ask(action, body, { timeout: TIMEOUT_MS }).catch(fail);
  };
  const select = (ids: string[]) => {
    setMarked(ids);
    unanswered.current += 1;
    void say("select", { ids }).then(() => {
      unanswered.current -= 1;
      if (unanswered.current === 0) setMarked(null);
    });
  };
  const confirm = async ({ action, ids }: PendingAction) => {
    setPending(null);
    const done = (await say(action, { ids })) as { done: number; refused: string[] } | undefined;
    panel.current?.focus();
    if (!done) return;
    const refusedToo = done.refused.length ? `, ${done.refused.length} refused` : "";
    setNote(`${count(done.done)} ${action === "cancel" ? "cancelled" : "deleted"}${refusedToo}.`);
    setRefusals(done.refused.slice(0, 5));
  };
  const act = (action: RowAction, row: Row) => {
    if (action === "cancel" || action === "delete") setPending({ action, ids: [row.id] });
    else if (action === "edit") setEditing(row.id);
    else void say(action, { id: row.id });
  };

  const { query } = snapshot;
  const narrowed = query.text !== "" || query.period !== "all" || query.status.length > 0;
  return (
    <section ref={panel} tabIndex={-1} class={`dg dg-history ${connected ? "" : "dg-lost"}`} aria-label="History">
      <fieldset disabled={!connected}>
        <Tools snapshot={snapshot} ask={say} isShown={isShown} toggle={toggle} />
        {!connected && (
          <p class="dg-warning dg-message" role="alert">
            Not connected to the kernel: these are the jobs as last seen. Run the cell again to refresh.
          </p>
        )}
        {snapshot.trouble && (
          <p class="dg-warning dg-message dg-text" role="alert">
            {snapshot.trouble}
          </p>
        )}
        {snapshot.rows.length > 0 ? (
          <div class="dg-jobs-scroll" tabIndex={0} role="region" aria-label="Jobs">
            <Table
              snapshot={snapshot}
              columns={shown}
              now={now}
              resize={resize}
              sort={(by, order) => void say("sort", { by, order })}
              select={select}
              act={act}
              below={(row) =>
                editing === row.id && (
                  <Edit
                    key={`edit ${row.id}`}
                    row={row}
                    span={shown.length + 2}
                    ask={ask}
                    done={() => setEditing(null)}
                  />
                )
              }
            />
          </div>
        ) : (
          <div class="dg-empty dg-muted">
            {narrowed ? "No job matches." : "No jobs yet. The first one that you submit appears here."}{" "}
            {narrowed && (
              <button type="button" class="dg-button" onClick={() => void say("everything")}>
                Show all jobs
              </button>
            )}
          </div>
        )}
        {(note || refusals.length > 0) && (
          <div class="dg-message" role="status">
            {note}
            {refusals.map((words) => (
              <p key={words} class="dg-warning dg-text">
                {words}
              </p>
            ))}
          </div>
        )}
        {pending && <Confirm pending={pending} yes={() => void confirm(pending)} no={() => setPending(null)} />}
        {!pending && (snapshot.rows.length > 0 || selected.length > 0) && (
          <Foot snapshot={snapshot} ask={say} select={select} propose={(action, ids) => setPending({ action, ids })} />
        )}
      </fieldset>
    </section>
  );
}

function Confirm({ pending, yes, no }: { pending: PendingAction; yes: () => void; no: () => void }) {
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => keep.current?.focus(), []);
  const one = pending.ids.length === 1;
  const many = one ? "this job" : `these ${count(pending.ids.length)} jobs`;
  const words = pending.action === "cancel" ? `Cancel ${many}?` : `Delete ${many}, with ${one ? "its" : "their"} rows?`;
  return (
    <div
      class="dg-row dg-tools dg-below"
      role="group"
      aria-label={words}
      onKeyDown={(event) => event.key === "Escape" && no()}
    >
      <span class="dg-grow">{words}</span>
      <button type="button" class="dg-button dg-danger" onClick={yes}>
        Yes, {pending.action}
      </button>
      <button type="button" ref={keep} class="dg-button" onClick={no}>
        Keep
      </button>
    </div>
  );
}

interface Edit {
  row: Row;
  span: number;
  ask: Ask<HistoryActions>;
  done: () => void;
}

/** A line below the job in which its tags and its note are written. */
function Edit({ row, span, ask, done }: Edit) {
  const [tags, setTags] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const [trouble, setTrouble] = useState("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    ask("note", { id: row.id }).then(
      (found) => {
        const { tags: known, note: text } = found as { tags: string[]; note: string };
        setTags(known.join(", "));
        setNote(text);
        first.current?.focus();
      },
      (error) => setTrouble(messageOf(error)),
    );
  }, []);
  const save = async () => {
    const words = (tags ?? "")
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
    try {
      await ask("annotate", { id: row.id, tags: words, note });
      done();
    } catch (error) {
      setTrouble(messageOf(error));
    }
  };
  return (
    <tr class="dg-edit">
      <td colSpan={span}>
        <form
          class="dg-row"
          aria-label={`Tags and note of ${row.name || row.id}`}
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") done();
            if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
            event.preventDefault();
            void save();
          }}
        >
          <input
            ref={first}
            class="dg-input"
            aria-label="Tags"
            placeholder="Tags, with commas"
            disabled={tags === null}
            value={tags ?? ""}
            onInput={({ currentTarget }) => setTags(currentTarget.value)}
          />
          <input
            class="dg-input dg-grow"
            aria-label="Note"
            placeholder="Note"
            disabled={tags === null}
            value={note}
            onInput={({ currentTarget }) => setNote(currentTarget.value)}
          />
          <button type="submit" class="dg-button dg-primary" disabled={tags === null}>
            Save
          </button>
          <button type="button" class="dg-button" onClick={done}>
            Leave
          </button>
          {trouble && (
            <p class="dg-warning dg-text" role="alert">
              {trouble}
            </p>
          )}
        </form>
      </td>
    </tr>
  );
}

/** Announces the jobs of the page that have ended. */
function useEnds({ rows: shown }: Snapshot, panel: Parameters<typeof useInView>[0]): void {
  const seen = useInView(panel);
  useWitness((job) => seen.current === true && shown.some((row) => row.id === job));
  const running = useRef(new Set<string>());
  useEffect(() => {
    for (const row of shown) {
      if (!ENDED.includes(row.status)) running.current.add(row.id);
      else if (running.current.delete(row.id)) {
        const show = () => {
          panel.current?.scrollIntoView({ block: "center" });
          panel.current?.focus();
        };
        const headline = row.stage ? `Failed in ${row.stage}` : WORDS[row.status];
        announce({ id: row.id, state: row.status, headline, title: row.name || row.id, text: rows(row.rows), show });
      }
    }
  }, [shown]);
}

export default widget<Snapshot, HistoryActions>(css, History);
