import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, Errors, ServiceBroker } from "moleculer";
import { LEVELS, type Level } from "../logger.ts";
import type { CallKind, FromThread, PlainOptions, ThreadData, ToThread } from "./messages.ts";
import { type Packed, pack, unpack } from "./packing.ts";
import { fromPlainError } from "./plain-error.ts";
import { ThreadLogger } from "./thread-logger.ts";
import { notCopyable, unsupported } from "./unsupported.ts";

/** The job that the current code works for. */
export const jobScope = new AsyncLocalStorage<number>();

export type Post = (message: FromThread, list?: ArrayBuffer[]) => void;

interface Pending {
  resolve: (answer: { result: unknown; meta: Record<string, unknown> }) => void;
  reject: (failure: { error: Error; meta: Record<string, unknown> }) => void;
}

type CallOptions = Record<string, unknown> & { parentCtx?: Context; meta?: object };

/** What code in a worker thread may use of its broker. */
const ALLOWED: ReadonlySet<string | symbol> = new Set<string>([
  "call",
  "mcall",
  "emit",
  "broadcast",
  "nodeID",
  "namespace",
  "instanceID",
  "logger",
  "getLogger",
  "generateUid",
  "Promise",
  "options",
  "metadata",
  "MOLECULER_VERSION",
]);

/** Sends calls and events of a worker thread to its node, which carries them out for it. */
export class ThreadBroker {
  readonly broker: ServiceBroker;
  /** The same, with everything refused that would not reach the node. */
  readonly guarded: ServiceBroker;
  readonly #post: Post;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor({ nodeId, namespace, instanceId }: ThreadData, post: Post) {
    this.#post = post;
    const level = LEVELS.find((one) => one === process.env["AZORA_LOG_LEVEL"]) ?? "info";
    const tell = (service: string, type: Level, args: unknown[]) =>
      post({ what: "log", job: jobScope.getStore(), service, level: type, args });
    const dropped = (lines: number) => post({ what: "dropped", lines });
    this.broker = new ServiceBroker({
      nodeID: nodeId,
      namespace,
      logger: new ThreadLogger(level, tell, dropped) as never,
      validator: false,
      internalServices: false,
      skipProcessEventRegistration: true,
      maxCallLevel: 0,
    } as never);
    const broker = this.broker as unknown as Record<string, unknown>;
    broker["instanceID"] = instanceId;
    broker["call"] = this.#call;
    broker["emit"] = (name: string, params: unknown, options?: CallOptions) =>
      this.#told("emit", name, params, options);
    broker["broadcast"] = (name: string, params: unknown, options?: CallOptions) =>
      this.#told("broadcast", name, params, options);
    this.guarded = new Proxy(this.broker, {
      get(target, name) {
        if (ALLOWED.has(name) || typeof name === "symbol" || !(name in target)) return Reflect.get(target, name);
        throw unsupported(
          `this.broker.${name} does not work in a worker thread: there are only calls and events. Take worker off the action, or call an action of the service that does it`,
          { member: name },
        );
      },
    });
  }

  take(message: Extract<ToThread, { what: "answer" | "refusal" }>): void {
    const pending = this.#pending.get(message.call);
    this.#pending.delete(message.call);
    const { meta } = message;
    if (message.what === "answer") pending?.resolve({ result: unpack(message.result), meta });
    else pending?.reject({ error: fromPlainError(this.broker, message.error), meta });
  }

  /** As `broker.call`: the promise carries `ctx`, of which a context merges the meta into its own. */
  readonly #call = (name: string, params: unknown, options: CallOptions = {}): Promise<unknown> => {
    const context: { meta: Record<string, unknown> } = { meta: {} };
    const called = this.#send("call", name, params, options).then(
      ({ result, meta }) => {
        context.meta = meta;
        return result;
      },
      (failure: { error?: Error; meta?: Record<string, unknown> }) => {
        context.meta = failure.meta ?? {};
        throw failure.error ?? failure;
      },
    );
    return Object.assign(called, { ctx: context });
  };

  #told(kind: CallKind, name: string, params: unknown, options: CallOptions = {}): Promise<void> {
    return this.#send(kind, name, params, options).then(
      () => {},
      (failure: { error?: Error }) => {
        throw failure.error ?? failure;
      },
    );
  }

  #send(kind: CallKind, name: string, params: unknown, options: CallOptions): ReturnType<typeof this.expect> {
    const job = jobScope.getStore();
    if (job === undefined) {
      const why = "was made outside of a call: a worker thread does nothing but the calls that it is given";
      return Promise.reject(unsupported(`${kind} of ${name} ${why}`));
    }
    const { parentCtx } = options;
    const call = ++this.#last;
    try {
      const plain = plainOptions(kind, name, options);
      const { packed, list } = pack(params ?? {}, false);
      const meta = parentCtx ? { meta: parentCtx.meta as Record<string, unknown> } : {};
      const answer = this.expect(call);
      this.#post({ what: "call", call, job, kind, name, params: packed as Packed, options: plain, ...meta }, list);
      return answer;
    } catch (error) {
      this.#pending.delete(call);
      const known = error instanceof Errors.MoleculerError;
      return Promise.reject(known ? error : notCopyable(`the params or meta of ${name}`, error));
    }
  }

  expect(call: number): Promise<{ result: unknown; meta: Record<string, unknown> }> {
    return new Promise((resolve, reject) => this.#pending.set(call, { resolve, reject }));
  }
}

const CROSSING = ["timeout", "retries", "nodeID", "requestID", "caller", "meta", "headers", "groups"] as const;
/** Of the context that calls; the node has its own. */
const OWN = ["parentCtx", "parentSpan", "ctx"];

function plainOptions(kind: CallKind, name: string, options: CallOptions): PlainOptions {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null || OWN.includes(key)) continue;
    if (!CROSSING.includes(key as never)) {
      throw unsupported(
        `The option ${key} of ${kind} ${name} does not work in a worker thread; ${CROSSING.join(", ")} do`,
      );
    }
    plain[key] = value;
  }
  return plain as PlainOptions;
}
