/**
 * Builds `dist/`, the part of the npm package that runs: the tree as it is in the repository, with the types blanked out
 * and `.ts` turned to `.js`, because Node strips no types below `node_modules`. Lines and columns stay true, so no source
 * maps are needed. `dist/` is the root of the installed product as the repository is that of a checkout.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");
const SHIPPED = [
  "moleculer.config.ts",
  "cli",
  "spine",
  "runtime",
  "mixins",
  "models",
  "services",
  "tlog",
  "sdk",
  "public",
  "rules",
];

/** A path to a module in any quotes: in static and dynamic imports, and in `new URL("./x.ts", import.meta.url)`. */
const OWN_PATH = /(["'`])(\.{1,2}\/[^"'`\n]*)\.ts\1/g;
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

rmSync(dist, { recursive: true, force: true });
const built = SHIPPED.map((name) => join(root, name))
  .filter(existsSync)
  .flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path]))
  .map(build);
const { name, version, type } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
writeFileSync(join(dist, "package.json"), `${JSON.stringify({ name, version, type }, null, 2)}\n`);

const lost = built.filter((file) => file.endsWith(".js")).flatMap(lostImports);
for (const line of lost) console.error(line);
process.exit(lost.length > 0 ? 1 : 0);

function build(source) {
  const target = join(dist, relative(root, source)).replace(/\.ts$/, ".js");
  mkdirSync(dirname(target), { recursive: true });
  if (!source.endsWith(".ts")) cpSync(source, target);
  else writeFileSync(target, stripTypeScriptTypes(readFileSync(source, "utf8")).replace(OWN_PATH, "$1$2.js$1"));
  return target;
}

/** What a file imports and the package does not have; that package must not be made. */
function lostImports(file) {
  return [...readFileSync(file, "utf8").matchAll(IMPORT)]
    .filter(([, target]) => !existsSync(resolve(dirname(file), target)))
    .map(([, target]) => `${relative(root, file)} imports ${target}, which is not shipped`);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
