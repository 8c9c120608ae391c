import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { NODE_FLAGS, ownModule } from "./node-executable.ts";
import { letYoungGenerationGrow } from "./young-generation.ts";

/** Argument with which a node's process only loads its code, leaves it in the cache and ends. */
export const WARM_UP = "--warm-up";

/** After this time a process has loaded what it needs, ms. */
const SETTLED_MS = 3000;

/** Writes what this process compiled to the cache, for the next ones; a process that is killed would not. */
export function keepCompiledCode(): void {
  setTimeout(() => {
    flushCompileCache();
    letYoungGenerationGrow();
  }, SETTLED_MS).unref();
}

/**
 * On the first start ever the cache is empty, and eight nodes at once would all compile the same. One process does it
 * before them. Resolves at once where there is a cache already, or none is wanted.
 */
export function warmCompileCache(): Promise<void> {
  const folder = process.env.NODE_COMPILE_CACHE;
  if (!folder || !isEmpty(folder)) return Promise.resolve();
  return new Promise((resolve) => {
    execFile(process.execPath, [...NODE_FLAGS, ownModule("runtime/node"), WARM_UP], () => resolve());
  });
}

function isEmpty(folder: string): boolean {
  try {
    // One folder per version of Node; the command line itself has made that already, with nothing in it yet.
    return readdirSync(folder, { recursive: true, withFileTypes: true }).every((entry) => entry.isDirectory());
  } catch {
    return false;
  }
}
