import { join } from "node:path";
import type { Context } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import { ALGORITHMS, type Algorithm } from "../../../../tlog/keys.ts";
import { COUNT, NAME } from "../params.ts";
import { prune } from "../pruning.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

export const keeping: ChainActions = {
  rotate: {
    description: "Puts a new key in place of the one in use, of one algorithm or of all.",
    params: { $$strict: true, algorithm: { type: "enum", values: [...ALGORITHMS], optional: true } },
    handler(this: ChainService, ctx: Context<{ algorithm?: Algorithm }>) {
      return this.host.chain.keyChanges.rotate(ctx.params.algorithm);
    },
  },
  revoke: {
    description: "Takes a key out that others may have; it counts for nothing from then on.",
    params: { $$strict: true, keyId: { type: "string", pattern: "^[0-9a-f]{8}$" }, reason: NAME },
    handler(this: ChainService, ctx: Context<{ keyId: string; reason: string }>) {
      return this.host.chain.keyChanges.revoke(ctx.params.keyId, ctx.params.reason);
    },
  },
  erase: {
    description: "Destroys the key of a person's data: it is unreadable in every copy, and every proof still holds.",
    params: { $$strict: true, subject: NAME, reason: { ...NAME, optional: true } },
    async handler(this: ChainService, ctx: Context<{ subject: string; reason?: string }>) {
      const { chain } = this.host;
      const { subject, reason = "" } = ctx.params;
      const erased = chain.subjects.destroy(subject);
      if (!erased)
        throw new AzoraError("NOT_FOUND", "the log holds nothing about this subject that could be read", { subject });
      return { ...(await chain.bury(erased, reason)), subject: erased.pseudonym };
    },
  },
  prune: {
    description: "Removes the payload of old entries; their hashes and proofs stay.",
    timeout: 0,
    params: { $$strict: true, before: COUNT },
    async handler(this: ChainService, ctx: Context<{ before: number }>) {
      const { chain } = this.host;
      try {
        return await prune(chain.log, join(chain.folder, "log"), ctx.params.before);
      } finally {
        chain.reader.pruned();
      }
    },
  },
  beginAnew: {
    description: "Puts a log that was set back or is damaged aside, and begins a new one that says so.",
    params: { $$strict: true, reason: NAME },
    handler(this: ChainService, ctx: Context<{ reason: string }>) {
      return this.host.beginAnew(ctx.params.reason);
    },
  },
};
