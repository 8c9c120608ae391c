import { join } from "node:path";
import type { Context } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import { verifyFolder } from "../../../../tlog/verify/verify-folder.ts";
import type { Chain } from "../chain.ts";
import type { Page, QueryParams } from "../index/query-params.ts";
import { COUNT, LIMIT, QUERY, TIME, WHICH, YES } from "../params.ts";
import { type NamedQuery, pseudonymous } from "../persons.ts";
import { prunedBefore } from "../pruning.ts";
import { healthOf, statsOf } from "../stats.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

interface Which {
  id?: string;
  index?: number;
}

export const reading: ChainActions = {
  entry: {
    description: "One entry by its id or its index.",
    idempotent: true,
    params: { $$strict: true, ...WHICH, sealed: YES },
    handler(this: ChainService, ctx: Context<Which & { sealed: boolean }>) {
      return this.host.chain.reader.entry(indexOf(this.host.chain, ctx.params), ctx.params.sealed);
    },
  },
  query: {
    description: "Entries by type, time, subject, actor, request, block, or text in their data; page by page.",
    idempotent: true,
    params: { $$strict: true, ...QUERY, sealed: YES },
    async handler(this: ChainService, ctx: Context<NamedQuery & { sealed: boolean }>) {
      const { chain } = this.host;
      const { sealed, ...named } = ctx.params;
      const { indexes, next } = await found(chain, pseudonymous(chain, named, sealed));
      const entries = indexes.map((index) => chain.reader.entry(index, sealed));
      return { entries, ...(next === undefined ? {} : { next }), size: chain.log.size };
    },
  },
  block: {
    description: "One block by its height, with the signatures of the checkpoint that covers it.",
    idempotent: true,
    params: { $$strict: true, height: COUNT },
    handler(this: ChainService, ctx: Context<{ height: number }>) {
      return this.host.chain.reader.block(ctx.params.height);
    },
  },
  blocks: {
    description: "The newest blocks, newest first, or those before a height.",
    idempotent: true,
    params: { $$strict: true, before: { ...COUNT, optional: true }, limit: LIMIT },
    handler(this: ChainService, ctx: Context<{ before?: number; limit: number }>) {
      return this.host.chain.reader.blocks(ctx.params.before, ctx.params.limit);
    },
  },
  checkpoint: {
    description: "The newest signed statement of the whole tree.",
    idempotent: true,
    params: { $$strict: true },
    handler(this: ChainService) {
      return this.host.chain.reader.checkpoint();
    },
  },
  proof: {
    description: "That an entry is in the tree: proof and offline bundle.",
    idempotent: true,
    params: { $$strict: true, ...WHICH, size: { ...COUNT, optional: true } },
    async handler(this: ChainService, ctx: Context<Which & { size?: number }>) {
      const { chain } = this.host;
      const index = indexOf(chain, ctx.params);
      if (index >= chain.log.reader.size) await chain.log.publish();
      return chain.reader.proof(index, ctx.params.size);
    },
  },
  consistency: {
    description: "That the tree of one size goes on from that of a smaller one.",
    idempotent: true,
    params: { $$strict: true, from: { ...COUNT, min: 1 }, to: { ...COUNT, optional: true } },
    handler(this: ChainService, ctx: Context<{ from: number; to?: number }>) {
      return this.host.chain.reader.consistency(ctx.params.from, ctx.params.to);
    },
  },
  validate: {
    description: "Recomputes every entry, link, block, tile and signature from the files, and names what is wrong.",
    timeout: 0,
    params: { $$strict: true, from: { ...COUNT, optional: true }, to: { ...COUNT, optional: true }, deep: YES },
    async handler(this: ChainService, ctx: Context<{ from?: number; to?: number; deep: boolean }>) {
      await this.host.chain.log.publish();
      return verifyFolder(join(this.host.chain.folder, "log"), ctx.params);
    },
  },
  accounted: {
    description: "How many calls, events and entries both sides agree on, and where they do not.",
    idempotent: true,
    params: { $$strict: true, from: { ...TIME, optional: true }, to: { ...TIME, optional: true } },
    handler(this: ChainService, ctx: Context<{ from?: string; to?: string }>) {
      return this.host.accounts.report(ctx.params);
    },
  },
  keys: {
    description: "All keys that ever signed, with the entries that say so.",
    idempotent: true,
    params: { $$strict: true },
    handler(this: ChainService) {
      const { keys } = this.host.chain;
      return { origin: keys.origin, keys: keys.keys, vkeys: keys.text() };
    },
  },
  stats: {
    description: "How much there is, how far it has come, and who confirms it.",
    idempotent: true,
    params: { $$strict: true },
    handler(this: ChainService) {
      return statsOf(this.host);
    },
  },
  health: {
    description: "Whether it can write, publish and be confirmed.",
    idempotent: true,
    params: { $$strict: true },
    handler(this: ChainService) {
      return healthOf(this.host);
    },
  },
};

/** @throws AzoraError VALIDATION_ERROR, NOT_FOUND */
function indexOf(chain: Chain, { id, index }: Which): number {
  if (index !== undefined && id === undefined) return index;
  if (id === undefined || index !== undefined) throw new AzoraError("VALIDATION_ERROR", "give either id or index");
  const found = chain.find(id);
  if (found === undefined) throw new AzoraError("NOT_FOUND", `no entry has the id ${id}`, { id });
  return found;
}

/** Positions, after everything that is durable now can be found. */
async function found(chain: Chain, query: QueryParams | undefined): Promise<Page> {
  if (!query) return { indexes: [] };
  await chain.catchUp();
  return chain.index.query({ ...query, least: prunedBefore(chain.log.reader.folder, chain.log.reader.size) });
}
