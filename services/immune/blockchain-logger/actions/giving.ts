import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "moleculer";
import { AzoraError } from "../../../../runtime/errors.ts";
import { kindOfLogFile, logFileHeaders } from "../../../../tlog/log-file.ts";
import { type ExportParams, exportPage } from "../giving/export-page.ts";
import { incidentFile } from "../giving/incident-file.ts";
import { COUNT, NAME, QUERY, YES } from "../params.ts";
import type { ChainActions, ChainService } from "./chain-service.ts";

interface FileMeta {
  $responseType?: string;
  $responseHeaders?: Record<string, string>;
}
type FileContext = Context<{ path: string | string[] }, FileMeta>;

/** The gateway gives the rest of a path as a list of its parts, others as they are. */
const PATH = [
  { type: "string", min: 1, max: 100 },
  { type: "array", min: 1, max: 10, items: { type: "string", max: 20 } },
] as const;

/** What is handed out to be checked elsewhere. */
export const giving: ChainActions = {
  inclusion: {
    description: "That some entry with this index is in the tree, without what it says.",
    idempotent: true,
    params: { $$strict: true, index: COUNT, size: { ...COUNT, optional: true } },
    handler(this: ChainService, ctx: Context<{ index: number; size?: number }>) {
      const { index, size, proof, checkpoint } = this.host.chain.reader.proof(ctx.params.index, ctx.params.size);
      return { index, size, proof, checkpoint };
    },
  },
  export: {
    description: "Entries with their proofs, as lines of a file that can be checked anywhere; page by page.",
    idempotent: true,
    params: { $$strict: true, ...QUERY, size: { ...COUNT, optional: true }, sealed: YES },
    handler(this: ChainService, ctx: Context<ExportParams>) {
      return exportPage(this.host.chain, ctx.params);
    },
  },
  incident: {
    description: "The story of one request, with proofs, as one file that can be checked anywhere.",
    idempotent: true,
    params: { $$strict: true, requestId: NAME },
    handler(this: ChainService, ctx: Context<{ requestId: string }>) {
      return incidentFile(this.host.chain, ctx.params.requestId, new Date().toISOString());
    },
  },
  logFile: {
    description: "A file of the log that says nothing of its contents: checkpoint, keys, tiles, blocks.",
    idempotent: true,
    params: { $$strict: true, path: PATH as never },
    handler(this: ChainService, ctx: FileContext) {
      return fileOf(this.host.chain.log.reader.folder, pathOf(ctx.params.path), false, ctx.meta);
    },
  },
  bundleFile: {
    description: "A file of the log with entries: what follows tile/entries/.",
    idempotent: true,
    params: { $$strict: true, path: PATH as never },
    handler(this: ChainService, ctx: FileContext) {
      return fileOf(this.host.chain.log.reader.folder, `tile/entries/${pathOf(ctx.params.path)}`, true, ctx.meta);
    },
  },
};

/** @throws AzoraError NOT_FOUND */
async function fileOf(folder: string, path: string, isBundle: boolean, meta: FileMeta): Promise<Buffer> {
  const kind = kindOfLogFile(path);
  if (!kind || (kind === "entries") !== isBundle) throw new AzoraError("NOT_FOUND", `${path} is no file of the log`);
  const { type, cache } = logFileHeaders(kind);
  try {
    const content = await readFile(join(folder, path));
    Object.assign(meta, { $responseType: type, $responseHeaders: { "Cache-Control": cache } });
    return content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new AzoraError("NOT_FOUND", `the log has no ${path} now; a fuller one may stand for it, or it was pruned`);
  }
}

function pathOf(path: string | string[]): string {
  return [path].flat().join("/");
}
