import type { Context, Service } from "moleculer";
import type { CallKind, FromThread, ThreadContext, ThreadService, ToThread } from "./messages.ts";
import { pack, unpack } from "./packing.ts";
import { fromPlainError, toPlainError } from "./plain-error.ts";
import { notCopyable, unsupported } from "./unsupported.ts";

/** Which buffers are handed over instead of copied; who hands one over has it no longer. */
export type Transfer = "params" | "result";

export interface JobOptions {
  ctx: Context;
  service: ThreadService;
  /** Of the service on the node. */
  live: Service;
  rawName: string;
  /** Full name of the action. */
  action: string;
  transfer: readonly Transfer[];
}

type Caller = Record<CallKind, (name: string, params: unknown, options: object) => Promise<unknown>>;
type Reply = (message: ToThread, list?: ArrayBuffer[]) => void;

let last = 0;

/** One call on its way through a worker thread, seen from the node. */
export class Job {
  readonly number = ++last;
  readonly action: string;
  readonly service: ThreadService;
  /** Settled once, by whatever comes first. */
  readonly result: Promise<unknown>;
  /** Of `performance.now`. */
  readonly since = performance.now();
  begun = 0;
  /** Calls that it has made and that are not answered yet; while there are some it does not compute. */
  calls = 0;
  over = false;
  readonly #options: JobOptions;
  #resolve!: (value: unknown) => void;
  #reject!: (error: Error) => void;

  constructor(options: JobOptions) {
    this.#options = options;
    this.action = options.action;
    this.service = options.service;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Of the context; a call that this one makes has it as parent. */
  get id(): string {
    return this.#options.ctx.id;
  }

  get requestId(): string | null {
    return this.#options.ctx.requestID;
  }

  get parentId(): string | null {
    return this.#options.ctx.parentID;
  }

  /** ms that its caller still waits; infinite where nothing is said. */
  timeLeft(): number {
    const { startHrTime, options } = this.#options.ctx as unknown as {
      startHrTime?: [number, number];
      options: { timeout?: number };
    };
    if (!options.timeout) return Number.POSITIVE_INFINITY;
    if (!startHrTime) return options.timeout;
    const [seconds, nanoseconds] = process.hrtime(startHrTime);
    return options.timeout - (seconds * 1000 + nanoseconds / 1e6);
  }

  /** What the thread is told. @throws AzoraError WORKER_UNSUPPORTED where something cannot be copied */
  send(post: Reply): void {
    const { ctx, service, rawName, action, transfer } = this.#options;
    const one = ctx as unknown as Record<string, unknown>;
    if (one["stream"]) throw unsupported(`${action} gets a stream, which cannot enter a worker thread`);
    const { packed, list } = pack(ctx.params, transfer.includes("params"));
    const plain: ThreadContext = {
      id: ctx.id,
      action,
      params: packed,
      meta: ctx.meta as Record<string, unknown>,
      headers: one["headers"] as Record<string, unknown>,
      caller: ctx.caller,
      requestID: ctx.requestID,
      parentID: ctx.parentID,
      level: ctx.level,
      timeout: (ctx.options as { timeout?: number | null }).timeout ?? null,
      startHrTime: (one["startHrTime"] as [number, number] | undefined) ?? null,
    };
    try {
      post(
        { what: "run", job: this.number, service, action: rawName, ctx: plain, transfer: transfer.includes("result") },
        list,
      );
    } catch (error) {
      throw notCopyable(`the params, meta or headers of ${action}`, error);
    }
  }

  settle(message: Extract<FromThread, { what: "done" | "failed" }>): void {
    const { ctx, live } = this.#options;
    Object.assign(ctx.meta, message.meta);
    Object.assign((ctx as unknown as { responseHeaders: object }).responseHeaders ?? {}, message.headers);
    if (message.what === "done") this.done(unpack(message.result));
    else this.fail(fromPlainError(live.broker, message.error));
  }

  done(value: unknown): void {
    this.over = true;
    this.#resolve(value);
  }

  fail(error: Error): void {
    this.over = true;
    this.#reject(error);
  }

  /** Carries a call of the thread's handler out, and answers it. */
  async carry(message: Extract<FromThread, { what: "call" }>, reply: Reply): Promise<void> {
    const { ctx } = this.#options;
    const { call } = message;
    try {
      const { packed, list } = pack(await this.#carried(message), false);
      try {
        reply({ what: "answer", call, result: packed, meta: ctx.meta as Record<string, unknown> }, list);
      } catch (error) {
        throw notCopyable(`the answer or meta of ${message.name}`, error);
      }
    } catch (error) {
      reply({ what: "refusal", call, error: toPlainError(error), meta: {} });
    }
  }

  #carried({ kind, name, params, options, meta }: Extract<FromThread, { what: "call" }>): Promise<unknown> {
    const { ctx, live } = this.#options;
    const value = unpack(params) as Record<string, unknown>;
    // Made by the context, it goes on with its meta, deadline and request; made by the broker it begins anew.
    if (meta) {
      Object.assign(ctx.meta, meta);
      return (ctx as unknown as Caller)[kind](name, value, options);
    }
    return (live.broker as unknown as Caller)[kind](name, value, options);
  }
}
