import { fileURLToPath, pathToFileURL } from "node:url";

/** The extension of our own modules: `.ts` in the repository, `.js` in the installed package. */
export const OWN_EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** Absolute path of one of our own modules, given from the root without its extension: `runtime/node`. */
export function ownModule(path: string): string {
  return fileURLToPath(new URL(`../${path}${OWN_EXTENSION}`, import.meta.url));
}

/** Root of Azora itself. */
export const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Flags of Azora's own Node processes. All have the same ones, and so share the cache of compiled code. */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
  `--import=${pathToFileURL(ownModule("runtime/young-generation")).href}`,
];
