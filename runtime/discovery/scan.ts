import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { PACKAGE_ROOT } from "../node-executable.ts";
import { ORGANS, type Organ } from "./metadata.ts";
import type { ProjectInfo } from "./plan.ts";

const SERVICE_FILE = /\.service\.(ts|js|mjs|cjs|mts|cts)$/;
const PROGRAM_FILE = /\.service\.json$/;
const IGNORED = new Set(["node_modules", "test", "tests", "__tests__", "coverage"]);

export interface ScannedFiles {
  services: string[];
  programs: string[];
}

/** Every service and program file of a folder, sorted, without what lies in node_modules, tests or hidden folders. */
export function scanFolder(folder: string): ScannedFiles {
  const found: ScannedFiles = { services: [], programs: [] };
  const above = new Set<string>();
  const walk = (at: string) => {
    // A link to a folder above would lead round in circles.
    const real = realpathSync(at);
    if (above.has(real)) return;
    above.add(real);
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || IGNORED.has(entry.name)) continue;
      const path = join(at, entry.name);
      const isFolder =
        entry.isDirectory() || (entry.isSymbolicLink() && existsSync(path) && statSync(path).isDirectory());
      if (isFolder) walk(path);
      else if (PROGRAM_FILE.test(entry.name)) found.programs.push(path);
      else if (SERVICE_FILE.test(entry.name)) found.services.push(path);
    }
    above.delete(real);
  };
  walk(folder);
  const all = new Set(found.services);
  // Where a compiled file stands beside its source, the source is meant.
  found.services = found.services
    .filter((path) => !(path.endsWith(".js") && all.has(path.replace(/\.js$/, ".ts"))))
    .sort();
  found.programs.sort();
  return found;
}

/** The organ whose folder a file lives in, seen from the scanned folder. */
export function organOfPath(services: string, file: string): Organ | undefined {
  const first = relative(services, file).split(sep)[0]!;
  return ORGANS.find((organ) => organ === first);
}

/** Finds out what `azora up <folder>` is pointed at. Without a folder: this one if it has services, else Azora itself. */
export function locateProject(folder: string | undefined, cwd: string): ProjectInfo | { refusal: string } {
  if (folder === undefined) return hasServices(cwd) ? inspect(cwd) : inspect(PACKAGE_ROOT);
  if (!existsSync(folder)) return { refusal: `There is no folder ${folder}` };
  if (!statSync(folder).isDirectory()) return { refusal: `${folder} is a file; give the folder of the services` };
  return inspect(folder);
}

function inspect(folder: string): ProjectInfo {
  const inner = join(folder, "services");
  const services = existsSync(inner) && statSync(inner).isDirectory() ? inner : folder;
  const root = services === folder && !existsSync(join(folder, "package.json")) ? nearestRoot(folder) : folder;
  const foreign = root !== PACKAGE_ROOT;
  const config = ["ts", "js", "mjs", "cjs", "json"]
    .map((end) => join(root, `moleculer.config.${end}`))
    .find(existsSync);
  return { root, services, foreign, ...(foreign && config ? { config } : {}) };
}

function hasServices(folder: string): boolean {
  return folder === PACKAGE_ROOT || existsSync(join(folder, "services"));
}

/** `azora up app/services` means the project `app`, if that is one. */
function nearestRoot(folder: string): string {
  const parent = join(folder, "..");
  return existsSync(join(parent, "package.json")) ? parent : folder;
}
