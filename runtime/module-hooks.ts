import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire, registerHooks, setSourceMapsSupport } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";
import { transformTypeScript } from "./foreign-typescript.ts";
import { PACKAGE_ROOT } from "./node-executable.ts";

/** The copy of Moleculer that runs the organism; classes of a foreign project must extend this one. */
const ownMoleculer = pathToFileURL(createRequire(import.meta.url).resolve("moleculer")).href;
const ownMoleculerEsm = ownMoleculer.replace(/index\.js$/, "index.mjs");

const GENERATION = /[?&]generation=(\d+)/;
const EXTENSIONS = [".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".json"];

let withTypes: string | undefined;

/**
 * Moleculer with a name for each of its types. A compiler drops an import that is used as a type only; Node, which
 * blanks types out without looking at how names are used, would ask for `ServiceSchema` and not find it.
 */
function moleculerWithTypes(): string {
  if (withTypes) return withTypes;
  const declared = readFileSync(fileURLToPath(new URL("index.d.ts", ownMoleculer)), "utf8").matchAll(/\b[A-Z]\w+\b/g);
  const real = new Set(Object.keys(createRequire(import.meta.url)("moleculer")));
  const types = new Set([...declared].map(([name]) => name).filter((name) => !real.has(name) && name !== "Runner"));
  const source = `export * from "${ownMoleculerEsm}"; export { default } from "${ownMoleculerEsm}"; export const ${[...types].map((name) => `${name} = undefined`).join(", ")};`;
  withTypes = `data:text/javascript,${encodeURIComponent(source)}`;
  return withTypes;
}

export interface ModuleHooksOptions {
  /** Modules of this folder, less its node_modules, are loaded afresh with their service. */
  root: string;
  /**
   * Mends what foreign projects rely on: imports without an extension, TypeScript with enums and the like, source maps, and
   * their own copy of Moleculer.
   */
  foreign: boolean;
}

/**
 * Lets a service be loaded again with its changed modules: the generation in its URL goes on to whatever it imports
 * from its project, and not to packages. Must be called before the first service is imported.
 */
export function installModuleHooks({ root, foreign }: ModuleHooksOptions): void {
  const prefix = pathToFileURL(root + sep).href;
  const isOwn = (url: string) => url.startsWith(prefix) && !url.slice(prefix.length).includes("node_modules/");
  if (foreign) mendTypeScript(isOwn);
  registerHooks({
    resolve(specifier, context, next) {
      if (foreign && specifier === "moleculer") {
        const isTypeScript = /\.[mc]?ts(\?|$)/.test(context.parentURL ?? "");
        if (!context.conditions.includes("import")) return { url: ownMoleculer, shortCircuit: true };
        return { url: isTypeScript ? moleculerWithTypes() : ownMoleculerEsm, shortCircuit: true };
      }
      let resolved: ReturnType<typeof next>;
      try {
        resolved = next(specifier, context);
      } catch (error) {
        const found = foreign ? withExtension(specifier, context.parentURL) : undefined;
        if (!found) throw error;
        resolved = next(found, context);
      }
      if (foreign && isOwn(resolved.url) && resolved.format === "commonjs-typescript" && isEsm(resolved.url)) {
        resolved = { ...resolved, format: "module-typescript" };
      }
      const generation = GENERATION.exec(context.parentURL ?? "")?.[1];
      if (generation && isOwn(resolved.url) && !GENERATION.test(resolved.url)) {
        return { ...resolved, url: `${resolved.url}${resolved.url.includes("?") ? "&" : "?"}generation=${generation}` };
      }
      return resolved;
    },
  });
}

const ownPackage = pathToFileURL(PACKAGE_ROOT + sep).href;
const ownServices = `${ownPackage}services/`;

/** Azora's own modules are left to Node: blanked-out types leave every line where it was, and need no source map. */
function mendTypeScript(isOwn: (url: string) => boolean): void {
  setSourceMapsSupport(true, { nodeModules: true, generatedCode: true });
  registerHooks({
    load(url, context, next) {
      // A project may lie inside of Azora's folder, as the examples do.
      const isOurs = url.startsWith(ownServices) || (url.startsWith(ownPackage) && !isOwn(url));
      if (!/^file:[^?]+\.[mc]?ts(\?|$)/.test(url) || url.includes("/node_modules/") || isOurs)
        return next(url, context);
      const file = url.replace(/\?.*$/, "");
      const code = transformTypeScript(readFileSync(fileURLToPath(file), "utf8"), file);
      const [format] = context.format?.split("-typescript") ?? [];
      const isKnown = format === "module" || format === "commonjs";
      return { format: isKnown ? format : formatOf(code), source: code, shortCircuit: true };
    },
  });
}

/** What a module is whose package does not say; as Node finds out, by trying. */
function formatOf(code: string): "module" | "commonjs" {
  try {
    compileFunction(code, ["exports", "require", "module", "__filename", "__dirname"]);
    return "commonjs";
  } catch (error) {
    return /\b(import|export|await)\b|has already been declared/.test((error as Error).message) ? "module" : "commonjs";
  }
}

/** Imports a service's file. A generation above 0 loads it, and its project's modules, as they are on disk now. */
export async function importService(file: string, generation: number, root: string): Promise<unknown> {
  const require = createRequire(import.meta.url);
  const isCommonJs = file in require.cache;
  if (generation > 0) forgetRequired(root);
  // Importing CommonJS again takes a module that it re-exports for one on a cycle, and so for empty (Node 24).
  if (generation > 0 && isCommonJs) return unwrap({ default: require(file) });
  const query = generation > 0 ? `?generation=${generation}` : "";
  const module = (await import(`${pathToFileURL(file).href}${query}`)) as Record<string, unknown>;
  return unwrap(module);
}

/** `export default x`, `module.exports = x`, and CommonJS that was compiled from `export default x`. */
function unwrap(module: Record<string, unknown>): unknown {
  const exported = module["default"] ?? module["module.exports"];
  if (exported && typeof exported === "object" && "__esModule" in exported && "default" in exported) {
    return (exported as { default: unknown }).default;
  }
  return exported;
}

function forgetRequired(root: string): void {
  const { cache } = createRequire(import.meta.url);
  for (const file of Object.keys(cache)) {
    if (file.startsWith(root + sep) && !file.slice(root.length).includes(`${sep}node_modules${sep}`))
      delete cache[file];
  }
}

/**
 * `npm init` writes `"type": "commonjs"`, and TypeScript projects write `import` and `export` all the same, since their
 * compiler turns both into CommonJS. What has no `require` of its own is run as the module that it looks like.
 */
function isEsm(url: string): boolean {
  const source = readFileSync(fileURLToPath(url.replace(/\?.*$/, "")), "utf8");
  const isModule =
    /^\s*(import\s+[\w{*"']|export\s+(default|const|let|class|function|async|\{|\*|enum|abstract))/m.test(source);
  return isModule && !/^\s*(import\s+\w+\s*=|export\s*=|module\.exports\b|exports\.)/m.test(source);
}

function withExtension(specifier: string, parentUrl: string | undefined): string | undefined {
  if (!parentUrl?.startsWith("file:") || !/^\.{0,2}\//.test(specifier)) return undefined;
  const base = join(dirname(fileURLToPath(parentUrl.replace(/\?.*$/, ""))), specifier);
  const candidates = [
    ...EXTENSIONS.map((extension) => base + extension),
    base.replace(/\.js$/, ".ts"),
    ...EXTENSIONS.map((extension) => join(base, `index${extension}`)),
  ];
  const found = candidates.find((path) => existsSync(path) && statSync(path).isFile());
  return found && pathToFileURL(found).href;
}
