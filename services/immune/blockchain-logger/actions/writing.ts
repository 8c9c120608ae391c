import type { Context, ServiceBroker } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Chain, LogRequest } from "../chain.ts";
import type { AwaitedState } from "../log/states.ts";
import { AWAITED, ENTRIES, ENTRY, ONE_OF_MANY } from "../params.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

export const writing: ChainActions = {
  log: {
    // The more come at once the more share a sync, and the log knows itself when it has too much to write: CHAIN_BUSY.
    concurrency: false,
    description: "Writes one entry; answers when it is durable, or as far as `waitFor` says.",
    params: { $$strict: true, ...ENTRY, waitFor: AWAITED },
    async handler(this: ChainService, ctx: Context<LogRequest & { waitFor: AwaitedState }>) {
      const { waitFor, ...request } = ctx.params;
      this.host.witnessing.check();
      const receipt = await this.host.chain.appendUntil(request, waitFor);
      return { ...receipt, state: this.host.chain.log.progress.stateOf(receipt.index) };
    },
  },
  append: {
    concurrency: false,
    description: "Writes many entries; answers when all are durable. The same idempotency keys give the same entries.",
    idempotent: true,
    params: { $$strict: true, entries: ENTRIES as never },
    async handler(this: ChainService, ctx: Context<{ entries: (LogRequest | string)[] }>) {
      this.host.witnessing.check();
      const { chain } = this.host;
      return { results: await Promise.all(ctx.params.entries.map((entry) => taken(this.broker, chain, entry))) };
    },
  },
};

/** What became of one of many. Only what would fail every time is told; else all are sent again. */
async function taken(broker: ServiceBroker, chain: Chain, entry: LogRequest | string) {
  try {
    const request = typeof entry === "string" ? parsed(broker, entry) : entry;
    const { id, index, duplicate } = await chain.append(request);
    return { id, index, ...(duplicate ? { duplicate } : {}) };
  } catch (error) {
    if (!(error instanceof AzoraError) || error.type !== "CHAIN_ENTRY_INVALID") throw error;
    return { refused: { code: error.type, detail: error.message, path: (error.data as { path?: string }).path } };
  }
}

type Check = (entry: unknown) => true | { field: string; message: string }[];
const checks = new WeakMap<ServiceBroker, Check>();

/** @throws AzoraError CHAIN_ENTRY_INVALID naming the field */
function parsed(broker: ServiceBroker, text: string): LogRequest {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch (error) {
    throw refusal("", `is no JSON: ${(error as Error).message}`);
  }
  let check = checks.get(broker);
  if (!check) {
    check = broker.validator!.compile({ $$strict: true, ...ONE_OF_MANY }) as unknown as Check;
    checks.set(broker, check);
  }
  const wrong = check(entry);
  if (wrong !== true) throw refusal(wrong[0]!.field, wrong[0]!.message);
  return entry as LogRequest;
}

function refusal(path: string, why: string): AzoraError {
  return new AzoraError("CHAIN_ENTRY_INVALID", `${path || "the entry"}: ${why}`, { path, why });
}
