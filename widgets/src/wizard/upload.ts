// A file to the kernel: its digest first, so that what has arrived before is not sent again.

import type { WizardActions } from "../actions";
import type { Ask } from "../link";
import { Sha256 } from "../sha256";

const CHUNK = 512 << 10;
const DIGESTED = 4 << 20;
const WINDOW = 4; // chunks that are not answered yet
const TIMEOUT_MS = 120_000;

export interface Progress {
  phase: "checking" | "sending";
  done: number; // bytes
  total: number;
  speed?: number; // bytes a second
}

interface Answer {
  offset: number;
  whole: boolean;
}

export class Stopped extends Error {}

export async function upload(file: File, ask: Ask<WizardActions>, report: (at: Progress) => void, stop: AbortSignal) {
  const going = () => {
    if (stop.aborted) throw new Stopped("stopped");
  };
  const digest = new Sha256();
  for (let at = 0; at < file.size; at += DIGESTED) {
    going();
    report({ phase: "checking", done: at, total: file.size });
    digest.update(await bytes(file, at, at + DIGESTED));
  }
  going();
  const begun = { name: file.name, size: file.size, digest: digest.hex() };
  const { offset, whole } = (await ask("begin", begun, { timeout: TIMEOUT_MS })) as Answer;
  if (whole) return;
  const started = performance.now();
  const waiting: Promise<Answer>[] = [];
  let arrived = offset;
  const settle = async () => {
    arrived = ((await waiting.shift()) as Answer).offset;
    const speed = (1000 * (arrived - offset)) / Math.max(performance.now() - started, 1);
    report({ phase: "sending", done: arrived, total: file.size, speed });
  };
  try {
    for (let at = offset; at < file.size; at += CHUNK) {
      going();
      const buffers = [(await bytes(file, at, at + CHUNK)).buffer];
      waiting.push(ask("chunk", { offset: at }, { buffers, timeout: TIMEOUT_MS, quiet: true }) as Promise<Answer>);
      if (waiting.length >= WINDOW) await settle();
    }
    while (waiting.length > 0) await settle();
  } finally {
    for (const one of waiting) one.catch(() => undefined); // the first that failed is reported
  }
}

async function bytes(file: File, start: number, stop: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.slice(start, stop).arrayBuffer());
  } catch {
    throw new Error(`${file.name} can no longer be read: it was changed or taken away. Choose it again.`);
  }
}
