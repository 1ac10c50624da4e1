// Rows counted over one column, or over two as a heat map; drawn here, saved as a picture.

import { useEffect, useRef, useState } from "preact/hooks";
import { rows as inRows } from "../format";
import { Choice } from "./formats";
import type { Axis, Column, Counts } from "./protocol";

const WIDTH = 640; // of the drawing's own units
const HEIGHT = 200;
const BESIDE = 8; // characters of a label, in units beside and below the drawing
const BELOW = 18;
const LISTED = 500; // columns to choose from; the menu of any column draws it
const LABELS = 6; // below a chart
const LONGEST = 14;
const rounded = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const UNCOUNTED = new Set<Column["kind"]>(["other", "time"]);

interface ChartPanelProps {
  columns: Column[];
  x: number;
  epoch: number; // of the rows that are counted
  count: (x: number, y: number | null) => Promise<Counts>;
  choose: (x: number) => void;
  close: () => void;
}

export function ChartPanel({ columns, x, epoch, count: counted, choose, close }: ChartPanelProps) {
  const [y, setY] = useState<number | null>(null);
  const [found, setFound] = useState<Counts | null>(null);
  const [trouble, setTrouble] = useState("");
  const drawing = useRef<SVGSVGElement>(null);
  useEffect(() => {
    let isNewest = true;
    setTrouble("");
    counted(x, y).then(
      (counts) => isNewest && setFound(counts),
      (error) => isNewest && setTrouble(String(error.message ?? error)),
    );
    return () => {
      isNewest = false;
    };
  }, [x, y, epoch]);
  const listed = columns.filter(({ kind, index }) => !UNCOUNTED.has(kind) && (index < LISTED || index === x));
  const names = listed.map(({ index, name }): [string, string] => [String(index), name]);
  const save = (kind: "svg" | "png") => {
    if (drawing.current) picture(drawing.current, kind).then(download, (error) => setTrouble(String(error)));
  };
  return (
    <section class="dgv-chart" aria-label="Chart">
      <div class="dg-row dgv-formats">
        <Choice name="Column" value={String(x)} choose={(one) => choose(Number(one))} options={names} />
        <Choice
          name="And"
          value={String(y ?? "")}
          choose={(one) => setY(one === "" ? null : Number(one))}
          options={[["", "none"], ...names]}
        />
        <button type="button" class="dg-button dg-quiet dgv-apart" onClick={() => save("png")}>
          PNG
        </button>
        <button type="button" class="dg-button dg-quiet" onClick={() => save("svg")}>
          SVG
        </button>
        <button type="button" class="dg-button dg-quiet" onClick={close}>
          Close
        </button>
      </div>
      {trouble ? (
        <p class="dg-warning dg-text" role="alert">
          {trouble}
        </p>
      ) : (
        found && <Drawing counts={found} box={drawing} />
      )}
    </section>
  );
}

function Drawing({ counts, box }: { counts: Counts; box: { current: SVGSVGElement | null } }) {
  const { x, y, series } = counts;
  const total = series.map((rows) =>
    Math.max(
      1,
      rows.flat().reduce((sum, one) => sum + one, 0),
    ),
  );
  const share = (table: number, at: number, level: number) =>
    (series[table]?.[at]?.[level] ?? 0) / (total[table] as number);
  const places = sizeOf(x);
  const levels = y === null ? 1 : sizeOf(y);
  const most = Math.max(1e-12, ...series.map((rows, table) => Math.max(0, ...rows.flat()) / (total[table] as number)));
  const left = y === null ? 0 : BESIDE * Math.min(LONGEST, Math.max(0, ...y.labels.map((label) => label.length)));
  const step = (WIDTH - left) / Math.max(1, places * (y === null ? 1 : series.length));
  const marks = series.flatMap((rows, table) =>
    rows.flatMap((row, at) =>
      row.map((held, level) => {
        const title = [nameAt(x, at), y && nameAt(y, level), inRows(held)].filter(Boolean).join(" · ");
        const part = share(table, at, level) / most;
        if (y !== null) {
          const tall = HEIGHT / levels;
          const over = left + (table * places + at) * step;
          return (
            <rect x={over} y={HEIGHT - (level + 1) * tall} width={step} height={tall} class="dgv-heat" opacity={part}>
              <title>{title}</title>
            </rect>
          );
        }
        const wide = (0.9 * step) / series.length;
        return (
          <rect
            x={at * step + 0.05 * step + table * wide}
            y={HEIGHT * (1 - part)}
            width={wide}
            height={HEIGHT * part}
            class={table === 0 ? "dgv-heat" : "dgv-other"}
          >
            <title>{title}</title>
          </rect>
        );
      }),
    ),
  );
  const each = Math.max(1, Math.ceil(places / LABELS));
  return (
    <>
      <svg
        ref={box}
        viewBox={`0 0 ${WIDTH} ${HEIGHT + BELOW}`}
        role="img"
        aria-label={`Rows by ${x.column}${y ? ` and ${y.column}` : ""}`}
      >
        {marks}
        <line x1={left} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} class="dgv-axis" />
        {Array.from({ length: Math.ceil(places / each) }, (_, at) => (
          <text key={at} x={left + at * each * step + 2} y={HEIGHT + 13} class="dgv-tick">
            {tick(x, at * each)}
          </text>
        ))}
        {y?.labels.slice(0, levels).map((label, level) => {
          const every = Math.max(1, Math.ceil(levels / 12));
          return level % every === 0 ? (
            <text key={label} x={0} y={HEIGHT - (level + 0.5) * (HEIGHT / levels) + 4} class="dgv-tick">
              {tick(y, level)}
            </text>
          ) : null;
        })}
      </svg>
      {series.length > 1 && (
        <p class="dg-muted">
          Shares of the rows of each table
          {y === null ? ": this one dark, the other one light" : ", one after the other"}.
        </p>
      )}
    </>
  );
}

const sizeOf = ({ kind, labels }: Axis): number => Math.max(0, labels.length - (kind === "range" ? 1 : 0));
const tick = ({ kind, labels }: Axis, at: number): string =>
  kind === "range" ? rounded.format(Number(labels[at])) : short(labels[at]);
const short = (label = ""): string => (label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label);
const nameAt = ({ kind, labels }: Axis, at: number): string =>
  kind === "range" ? `${labels[at]} to ${labels[at + 1]}` : (labels[at] ?? "");

/** The drawing by itself, with the colours that it has in the page. */
async function picture(drawing: SVGSVGElement, kind: "svg" | "png"): Promise<File> {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const [width, height] = [2 * WIDTH, 2 * (HEIGHT + BELOW)];
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const shown = drawing.querySelectorAll("rect, text, line");
  copy.querySelectorAll("rect, text, line").forEach((element, place) => {
    const style = getComputedStyle(shown[place] as Element);
    for (const name of ["fill", "stroke", "font-size", "font-family"])
      element.setAttribute(name, style.getPropertyValue(name));
  });
  const text = new XMLSerializer().serializeToString(copy);
  if (kind === "svg") return new File([text], "chart.svg", { type: "image/svg+xml" });
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done));
  return new File(blob ? [blob] : [], "chart.png", { type: "image/png" });
}

function download(file: File): void {
  const address = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
