import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "../node-executable.ts";
import type { Probed } from "./probe.ts";

/** All that Azora's own services are made of. */
const CODE = ["services", "mixins", "models", "runtime", "tlog"];

/**
 * What was read of Azora's own services. They stand beside every foreign project, and reading them takes half a second of
 * processor time; so it is kept where compiled code is, until one of Azora's files changes.
 */
export class KeptProbe {
  readonly #file: string | undefined;
  readonly #state: string;

  /** @param cache where compiled code is kept; nothing is kept without it */
  constructor(cache = process.env["NODE_COMPILE_CACHE"], root = PACKAGE_ROOT) {
    this.#file = cache ? join(cache, "services", `${hash("sha256", root)}.json`) : undefined;
    this.#state = this.#file ? stateOf(root) : "";
  }

  read(): Probed[] | undefined {
    if (!this.#file) return undefined;
    try {
      const { state, probed } = JSON.parse(readFileSync(this.#file, "utf8")) as { state: string; probed: Probed[] };
      return state === this.#state ? probed : undefined;
    } catch {
      return undefined;
    }
  }

  /** A file that could not be read is read anew each time. */
  keep(probed: Probed[]): void {
    if (!this.#file || probed.some(({ error }) => error !== undefined)) return;
    const draft = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(draft, JSON.stringify({ state: this.#state, probed }), { mode: 0o600 });
      renameSync(draft, this.#file);
    } catch {
      // The next start reads them again.
    }
  }
}

/** Another one as soon as a file of the code comes, goes or is written. */
function stateOf(root: string): string {
  const files = CODE.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(root, folder, name)),
  );
  const seen = files.sort().map((file) => {
    const { size, mtimeMs } = statSync(file);
    return `${file} ${size} ${mtimeMs}`;
  });
  return hash("sha256", [process.version, ...seen].join("\n"));
}
