// A result or a model to the reader's own disk, through the kernel: asked for chunk by chunk.

import type { CardActions, CardFile } from "./actions";
import { size } from "./format";
import type { Ask } from "./link";
import type { Listen } from "./widget";

export type Kept = CardFile["file"];

interface Announced {
  name: string;
  size: number;
  tooLarge: boolean;
}

const TIMEOUT_MS = 120_000;

export class TooLarge extends Error {
  constructor(
    readonly file: Kept,
    bytes: number,
  ) {
    super(`${size(bytes)} are too much to pass through the notebook.`);
  }
}

export async function download(
  kept: Kept,
  ask: Ask<CardActions>,
  listen: Listen,
  report: (share: number) => void,
): Promise<string> {
  const file = (await ask("download", { file: kept }, { timeout: TIMEOUT_MS })) as Announced;
  if (file.tooLarge) {
    throw new TooLarge(kept, file.size);
  }
  const chunks = new Map<number, Uint8Array<ArrayBuffer>>();
  const stop = listen("chunk", ({ file, start }: { file: Kept; start: number }, [bytes]) => {
    if (bytes && file === kept)
      chunks.set(start, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice());
  });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (let start = 0; start < file.size; ) {
      await ask("chunk", { file: kept, start }, { timeout: TIMEOUT_MS });
      const chunk = chunks.get(start); // sent before the answer, on the same way
      if (!chunk?.length) throw new Error("The download broke off. Press Download again.");
      chunks.delete(start);
      parts.push(chunk);
      start += chunk.length;
      report(start / file.size);
    }
  } finally {
    stop();
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return file.name;
}
