import { hash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

/** One file for each module below the cache of compiled code. */
const FOLDER = "typescript";

/**
 * JavaScript of a foreign project's module: enums and parameter properties are turned into code, which Node does only with
 * flags that would hold for Azora's own modules too. With its source map, so that errors name lines of the original.
 * The outcome is kept between starts where compiled code is: the program that does it takes 40 ms and 19 MB.
 */
export function transformTypeScript(source: string, url: string): string {
  const cache = process.env["NODE_COMPILE_CACHE"];
  if (!cache) return transform(source, url);
  const file = join(cache, FOLDER, hash("sha256", url));
  const stamp = `// ${hash("sha256", `${process.version}\n${source}`)}\n`;
  const kept = read(file);
  if (kept?.startsWith(stamp)) return kept.slice(stamp.length);
  const code = transform(source, url);
  keep(file, stamp + code);
  return code;
}

function transform(source: string, sourceUrl: string): string {
  return stripTypeScriptTypes(source, { mode: "transform", sourceMap: true, sourceUrl });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Several processes may do it at once; the last one stays. */
function keep(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    // The next start does it again.
  }
}
