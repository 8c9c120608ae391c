/** A worker thread: carries out the handlers of actions with `metadata.worker`. It starts no service. */
import { isDeepStrictEqual } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { Context, type Service } from "moleculer";
import { installModuleHooks } from "../module-hooks.ts";
import type { FromThread, ThreadContext, ThreadData, ToThread } from "./messages.ts";
import { pack, unpack } from "./packing.ts";
import { toPlainError } from "./plain-error.ts";
import { jobScope, ThreadBroker } from "./thread-broker.ts";
import { handlerOf, ThreadServices } from "./thread-services.ts";
import { notCopyable, unsupported } from "./unsupported.ts";

const port = parentPort!;
const { root, foreign } = workerData as ThreadData;
const post = (message: FromThread, list: ArrayBuffer[] = []) => port.postMessage(message, list);

installModuleHooks({ root, foreign });
const broker = new ThreadBroker(workerData as ThreadData, post);
const services = new ThreadServices(broker, root);

port.on("message", (message: ToThread) => {
  if (message.what === "run") jobScope.run(message.job, run, message);
  else if (message.what === "ping") post({ what: "pong" });
  else broker.take(message);
});

async function run({ job, service: wanted, action, ctx: plain, transfer }: Extract<ToThread, { what: "run" }>) {
  let ctx: Context | undefined;
  let meta: Record<string, unknown> = {};
  try {
    const service = await services.load(wanted);
    ctx = contextOf(plain, service);
    meta = structuredClone(ctx.meta) as Record<string, unknown>;
    const result = await handlerOf(service, action).call(service, ctx);
    if (isStream(result))
      throw unsupported(`${plain.action} answers with a stream, which cannot leave a worker thread`);
    const { packed, list } = pack(result, transfer);
    try {
      post({ what: "done", job, result: packed, ...changed(ctx, meta) }, list);
    } catch (error) {
      throw notCopyable(`the result or meta of ${plain.action}`, error);
    }
  } catch (error) {
    try {
      post({ what: "failed", job, error: toPlainError(error), ...changed(ctx, meta) });
    } catch {
      post({ what: "failed", job, error: toPlainError(error), meta: {}, headers: {} });
    }
  }
}

function contextOf(plain: ThreadContext, service: Service): Context {
  const ctx = new Context(broker.broker) as Context & Record<string, unknown>;
  Object.assign(ctx, {
    ...plain,
    broker: broker.guarded,
    params: unpack(plain.params),
    options: { timeout: plain.timeout, retries: null },
    service,
    action: { name: plain.action, service },
    nodeID: broker.broker.nodeID,
  });
  return ctx;
}

/** What the handler has changed of its meta, and the headers of its answer. */
function changed(ctx: Context | undefined, before: Record<string, unknown>) {
  const now = (ctx?.meta ?? {}) as Record<string, unknown>;
  const meta = Object.fromEntries(Object.entries(now).filter(([key, value]) => !isDeepStrictEqual(value, before[key])));
  const { responseHeaders = {} } = (ctx ?? {}) as { responseHeaders?: Record<string, unknown> };
  return { meta, headers: responseHeaders };
}

function isStream(value: unknown): boolean {
  return (
    value instanceof ReadableStream || typeof (value as { pipe?: unknown } | null | undefined)?.pipe === "function"
  );
}
