import type { Context } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import type { Chain, LogRequest } from "../chain.ts";
import type { AwaitedState } from "../log/states.ts";
import { AWAITED, ENTRY } from "../params.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

export const writing: ChainActions = {
  log: {
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
    description: "Writes many entries; answers when all are durable. The same idempotency keys give the same entries.",
    idempotent: true,
    params: {
      $$strict: true,
      entries: {
        type: "array",
        min: 1,
        max: 1000,
        items: {
          type: "object",
          strict: true,
          props: { ...ENTRY, idempotencyKey: { type: "string", min: 1, max: 500 } },
        },
      },
    },
    async handler(this: ChainService, ctx: Context<{ entries: LogRequest[] }>) {
      this.host.witnessing.check();
      const { chain } = this.host;
      return { results: await Promise.all(ctx.params.entries.map((entry) => taken(chain, entry))) };
    },
  },
};

/** What became of one of many. Only what would fail every time is told; else all are sent again. */
async function taken(chain: Chain, entry: LogRequest) {
  try {
    const { id, index, duplicate } = await chain.append(entry);
    return { id, index, ...(duplicate ? { duplicate } : {}) };
  } catch (error) {
    if (!(error instanceof AzoraError) || error.type !== "CHAIN_ENTRY_INVALID") throw error;
    return { refused: { code: error.type, detail: error.message, path: (error.data as { path?: string }).path } };
  }
}
