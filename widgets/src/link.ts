// Requests to the kernel: each has an id, which the kernel acknowledges at once and then answers,
// an error included. Quiet ones are answered alone.

export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}

export interface Options {
  buffers?: ArrayBuffer[];
  timeout?: number; // ms until no answer is an error
  quiet?: boolean; // not asked by a person: a busy kernel is not mentioned
}

/** Asks for one of a widget's actions; what each brings is in `actions.ts`. */
export type Ask<Actions = Record<string, object>> = <Action extends keyof Actions & string>(
  action: Action,
  body?: Actions[Action],
  options?: Options,
) => Promise<unknown>;

/** What went wrong, as a person reads it. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

interface Reply {
  id?: string;
  acknowledged?: boolean; // it is being done; the answer follows
  error?: string;
  result?: unknown;
}

interface Waiting {
  done: (result: unknown) => void;
  fail: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
  acknowledging: ReturnType<typeof setTimeout> | undefined;
}

const TIMEOUT_MS = 15_000;
const ACKNOWLEDGE_MS = 1_200; // ms within which a kernel that is not busy acknowledges

export class Link {
  readonly #model: Model;
  readonly #waiting = new Map<string, Waiting>();
  readonly #unacknowledged = new Set<string>();
  #watcher: (busy: boolean) => void = () => undefined;
  readonly #receive = (reply: Reply): void => this.#finish(reply);

  constructor(model: Model) {
    this.#model = model;
    model.on("msg:custom", this.#receive);
  }

  /** Call this when a request waits that a busy kernel has not acknowledged, and when none does. */
  watch(watcher: (busy: boolean) => void): void {
    this.#watcher = watcher;
  }

  ask: Ask = (action, body = {}, { buffers = [], timeout = TIMEOUT_MS, quiet = false } = {}) => {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.#finish({ id, error: "The kernel did not answer. Is it busy, or gone?" });
      }, timeout);
      const acknowledging = quiet ? undefined : setTimeout(() => this.#wait(id, true), ACKNOWLEDGE_MS);
      this.#waiting.set(id, { done, fail, timer, acknowledging });
      this.#model.send({ id, action, body, ...(quiet && { quiet }) }, undefined, buffers);
    });
  };

  close(): void {
    this.#model.off("msg:custom", this.#receive);
    for (const { timer, acknowledging } of this.#waiting.values()) {
      clearTimeout(timer);
      clearTimeout(acknowledging);
    }
    this.#waiting.clear();
    this.#unacknowledged.clear();
  }

  #wait(id: string, unacknowledged: boolean): void {
    const before = this.#unacknowledged.size > 0;
    if (unacknowledged) this.#unacknowledged.add(id);
    else this.#unacknowledged.delete(id);
    if (before !== this.#unacknowledged.size > 0) this.#watcher(!before);
  }

  #finish({ id, acknowledged, error, result }: Reply): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return;
    clearTimeout(waiting.acknowledging);
    this.#wait(id, false);
    if (acknowledged) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error === undefined) waiting.done(result);
    else waiting.fail(new Error(error));
  }
}
