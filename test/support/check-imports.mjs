/**
 * Imports point one way: services -> mixins -> runtime -> models, and anyone may use tlog. A service reaches another
 * only by call or event; so do sdk/ and cli/. Prints each import that breaks this and exits 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const allowed = {
  tlog: [],
  models: ["tlog"],
  runtime: ["models", "tlog", "moleculer.config.ts"],
  mixins: ["runtime", "models", "tlog"],
  services: ["mixins", "runtime", "models", "tlog"],
  spine: ["runtime", "models", "tlog"],
  cli: ["runtime", "spine", "models", "tlog", "sdk"],
  sdk: ["tlog", "models"],
};

const broken = [];
for (const [layer, reachable] of Object.entries(allowed)) {
  for (const file of sources(join(root, layer))) {
    for (const [, target] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)) {
      const to = relative(root, resolve(dirname(file), target)).split(sep);
      const from = relative(root, file).split(sep);
      const sameLayer = to[0] === layer && (layer !== "services" || to.slice(0, 3).join() === from.slice(0, 3).join());
      if (!sameLayer && !reachable.includes(to[0])) broken.push(`${from.join("/")} must not import ${to.join("/")}`);
    }
  }
}
for (const line of broken) console.error(line);
process.exit(broken.length > 0 ? 1 : 0);

function sources(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
