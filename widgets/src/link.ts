// Requests to the kernel: each has an id, each is answered, an error included.

export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}

export interface Options {
  buffers?: ArrayBuffer[];
  patience?: number; // ms until no answer is an error
}

export type Ask = (action: string, body?: object, options?: Options) => Promise<unknown>;

interface Reply {
  id?: string;
  error?: string;
  result?: unknown;
}

interface Waiting {
  done: (result: unknown) => void;
  fail: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

const PATIENCE = 15_000;

export class Link {
  readonly #model: Model;
  readonly #waiting = new Map<string, Waiting>();
  readonly #hear = (reply: Reply): void => this.#settle(reply);

  constructor(model: Model) {
    this.#model = model;
    model.on("msg:custom", this.#hear);
  }

  ask: Ask = (action, body = {}, { buffers = [], patience = PATIENCE } = {}) => {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.#settle({ id, error: "The kernel did not answer. Is it busy, or gone?" });
      }, patience);
      this.#waiting.set(id, { done, fail, timer });
      this.#model.send({ id, action, body }, undefined, buffers);
    });
  };

  close(): void {
    this.#model.off("msg:custom", this.#hear);
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #settle({ id, error, result }: Reply): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error === undefined) waiting.done(result);
    else waiting.fail(new Error(error));
  }
}
