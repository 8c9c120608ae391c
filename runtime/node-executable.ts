import { fileURLToPath } from "node:url";

/** The extension of our own modules: `.ts` in the repository, `.js` in the installed package. */
export const OWN_EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** Absolute path of one of our own modules, given from the root without its extension: `runtime/node`. */
export function ownModule(path: string): string {
  return fileURLToPath(new URL(`../${path}${OWN_EXTENSION}`, import.meta.url));
}

/** Root of Azora itself. */
export const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/**
 * Flags of a Node process that loads services. Blanked-out types leave every line where it was; foreign TypeScript may
 * use what has to be transformed, and so needs source maps.
 */
export function nodeFlags(foreign: boolean): string[] {
  const flags = ["--disable-warning=ExperimentalWarning"];
  if (!foreign) return flags;
  return [
    ...flags,
    "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
    "--experimental-transform-types",
    "--enable-source-maps",
  ];
}
