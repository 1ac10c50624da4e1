// The first step: which table to train on.

import { useEffect, useRef, useState } from "preact/hooks";
import type { WizardActions } from "../actions";
import { about, count, size } from "../format";
import { type Ask, messageOf } from "../link";
import { Choice, Field } from "./field";
import { type Change, type Format, type Snapshot, type Table, wrong } from "./snapshot";
import { type Progress, Stopped, upload } from "./upload";

interface Candidates {
  frames: { name: string; rows: number; columns: number; size: number }[];
  files: { path: string; size: number }[];
}

interface Data {
  snapshot: Snapshot;
  ask: Ask<WizardActions>;
  edit: (changes: Change) => void;
}

const TIMEOUT_MS = 600_000;

export function Data({ snapshot, ask, edit }: Data) {
  const [found, setFound] = useState<Candidates>({ frames: [], files: [] });
  const [busy, setBusy] = useState("");
  const [trouble, setTrouble] = useState("");
  const look = () => ask("candidates").then((them) => setFound(them as Candidates), into(setTrouble));
  useEffect(() => void look(), []);

  const [misled, setMisled] = useState(""); // by a path
  const choose = async <A extends "path" | "frame">(what: string, action: A, body: WizardActions[A]) => {
    setBusy(what);
    setTrouble("");
    setMisled("");
    await ask(action, body, { timeout: TIMEOUT_MS }).catch(into(action === "path" ? setMisled : setTrouble));
    setBusy("");
  };
  const usePath = (path: string) => path.trim() && choose(path.trim(), "path", { path: path.trim() });
  const files = found.files.map((file) => file.path);
  return (
    <>
      <FromFile formats={snapshot.choices.inputFormat} ask={ask} fail={setTrouble} begin={() => setMisled("")} />
      <FromPath files={files} go={usePath} problem={misled} />
      <section class="dg-frames" aria-label="DataFrames in this notebook">
        <div class="dg-row">
          <span class="dg-grow dg-muted">or a DataFrame in this notebook</span>
          <button type="button" class="dg-button dg-quiet" onClick={() => void look()}>
            Refresh
          </button>
        </div>
        {found.frames.length === 0 && <p class="dg-hint">No DataFrame here yet.</p>}
        <ul class="dg-list">
          {found.frames.map((frame) => (
            <li key={frame.name}>
              <button
                type="button"
                class="dg-pick"
                disabled={busy !== ""}
                onClick={() => void choose(frame.name, "frame", { name: frame.name })}
              >
                <b class="dg-text">{frame.name}</b>
                <span>
                  {count(frame.rows)} × {count(frame.columns)}
                </span>
                <span class="dg-muted">{size(frame.size)}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
      {(busy || snapshot.inspecting) && (
        <p role="status" class="dg-muted dg-text">
          Reading {busy || snapshot.inspecting} …
        </p>
      )}
      {!busy && !misled && (trouble || snapshot.trouble) && (
        <p role="alert" class="dg-warning dg-text">
          {trouble || snapshot.trouble}
        </p>
      )}
      {snapshot.table && !busy && <Chosen table={snapshot.table} wrong={Boolean(snapshot.trouble)} />}
      <Reading snapshot={snapshot} edit={edit} />
    </>
  );
}

const into = (put: (words: string) => void) => (error: unknown) => put(messageOf(error));

const any = new Intl.ListFormat("en", { type: "disjunction" });

interface FromFile {
  formats: Format[];
  ask: Ask<WizardActions>;
  fail: (words: string) => void;
  begin: () => void;
}

function FromFile({ formats, ask, fail, begin }: FromFile) {
  const [over, setOver] = useState(false);
  const [at, setAt] = useState<(Progress & { name: string }) | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const take = async (file: File | undefined) => {
    if (!file) return;
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    fail("");
    begin();
    setAt({ phase: "checking", done: 0, total: file.size, name: file.name });
    try {
      await upload(file, ask, (progress) => setAt({ ...progress, name: file.name }), mine.signal);
    } catch (error) {
      if (!(error instanceof Stopped)) {
        fail(`${messageOf(error)} Choose ${file.name} again to continue where it stopped.`);
      }
    }
    if (stop.current === mine) {
      stop.current = null;
      setAt(null);
    }
  };
  if (at) return <Sending at={at} cancel={() => stop.current?.abort()} />;
  return (
    <label
      class={`dg-drop ${over ? "dg-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setOver(false);
        void take(event.dataTransfer?.files[0]);
      }}
    >
      <input
        type="file"
        accept={formats.flatMap(({ endings }) => endings).join()}
        aria-label="Choose a file"
        onChange={({ currentTarget }) => {
          void take(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
      <span>
        <b>Drop a file</b> or <u>choose one</u>
      </span>
      <span class="dg-muted">{any.format(formats.map(({ label }) => label))}</span>
    </label>
  );
}

function Sending({ at, cancel }: { at: Progress & { name: string }; cancel: () => void }) {
  const percent = at.total ? Math.floor((100 * at.done) / at.total) : 100;
  const left = at.speed ? ` · ${size(at.speed)}/s · about ${about((at.total - at.done) / at.speed)} left` : "";
  const words = at.phase === "checking" ? `Checking ${percent} %` : `${size(at.done)} of ${size(at.total)}${left}`;
  return (
    <div class="dg-sending">
      <div class="dg-row">
        <b class="dg-text dg-clip">{at.name}</b>
        <span class="dg-grow dg-muted">{words}</span>
        <button type="button" class="dg-button" onClick={cancel}>
          Cancel
        </button>
      </div>
      <div
        class="dg-gauge"
        role="progressbar"
        aria-label={`${at.phase === "checking" ? "Checking" : "Sending"} ${at.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <i style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}

interface FromPath {
  files: string[];
  go: (path: string) => unknown;
  problem: string;
}

function FromPath({ files, go, problem }: FromPath) {
  const [path, setPath] = useState("");
  return (
    // Enter in here takes the path; the form around it would go on to the next step.
    <div
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        void go(event.target.value);
      }}
    >
      <Field
        label="or a path of a file on this machine"
        value={path}
        change={setPath}
        list={files}
        problem={problem}
        placeholder={files[0] ?? "data/table.parquet"}
        after={
          <button type="button" class="dg-button" disabled={!path} onClick={() => void go(path)}>
            Use
          </button>
        }
      />
    </div>
  );
}

function Chosen({ table, wrong: unread }: { table: Table; wrong: boolean }) {
  const facts =
    table.rows === undefined
      ? unread
        ? "could not be read"
        : ""
      : `${table.exact ? "" : "about "}${count(table.rows)} rows × ${count(table.columns ?? 0)} columns · ${size(table.size ?? 0)}`;
  return (
    <div class={`dg-chosen ${unread ? "dg-unread" : ""}`} role="status">
      <b class="dg-text dg-clip" title={table.label}>
        {table.label}
      </b>
      <span class="dg-muted">{facts}</span>
      {table.notes?.map((note) => (
        <p key={note} class="dg-hint dg-text">
          {note}
        </p>
      ))}
    </div>
  );
}

/** How a text file is read. */
function Reading({ snapshot, edit }: { snapshot: Snapshot; edit: (changes: Change) => void }) {
  const { config } = snapshot;
  const format = config.inputFormat;
  const isText = snapshot.choices.inputFormat.find(({ name }) => name === format)?.isText;
  if (!snapshot.table || !isText) return null;
  const parameters = config.parameters;
  const say = (name: string) => (text: string) => edit({ parameters: { [name]: text || null } });
  const isCsv = format === "csv";
  return (
    <details open={Boolean(snapshot.trouble)}>
      <summary>How the file is read</summary>
      <div class="dg-fields">
        <Field
          label="Encoding"
          narrow
          value={String(parameters.encoding ?? "")}
          change={say("encoding")}
          placeholder="utf-8"
          problem={wrong(snapshot, "parameters.encoding")}
        />
        {isCsv && (
          <Field
            label="Delimiter"
            narrow
            value={String(parameters.delimiter ?? "")}
            change={say("delimiter")}
            placeholder="detected"
            problem={wrong(snapshot, "parameters.delimiter")}
          />
        )}
        <Choice
          label="Invalid lines"
          value={String(parameters.badLines ?? "error")}
          options={[
            ["error", "stop the job"],
            ["skip", "are skipped and counted"],
          ]}
          change={(value) => edit({ parameters: { badLines: value === "error" ? null : value } })}
        />
      </div>
    </details>
  );
}
