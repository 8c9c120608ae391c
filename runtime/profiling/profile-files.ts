import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** What is kept of one node's files, the newest first to stay. */
export interface KeptFiles {
  /** @default 10 */
  count: number;
  /** @default 1 GB */
  bytes: number;
}

export const KEPT: KeptFiles = { count: 10, bytes: 2 ** 30 };

export type ProfileKind = "cpuprofile" | "heapprofile" | "heapsnapshot";

const KINDS = /\.(cpuprofile|heapprofile|heapsnapshot)$/;

/** The folder of profiles, `<data>/profiles`, mode 0700: profiles show code, snapshots everything in memory. */
export class ProfileFiles {
  readonly folder: string;
  readonly #node: string;
  readonly #kept: KeptFiles;

  constructor(dataDir: string, node: string, kept: KeptFiles = KEPT) {
    this.folder = join(dataDir, "profiles");
    this.#node = node;
    this.#kept = kept;
  }

  /** A path that no file has, as `muscles-1-20261120T080113123Z.cpuprofile`. The folder is there afterwards. */
  next(kind: ProfileKind, at: number): string {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const time = new Date(at).toISOString().replace(/[-:.]/g, "");
    const taken = new Set(readdirSync(this.folder));
    for (let n = 1; ; n++) {
      const name = `${this.#prefix}${time}${n === 1 ? "" : `-${n}`}.${kind}`;
      if (!taken.has(name)) return join(this.folder, name);
    }
  }

  /** Removes this node's oldest files that are beyond what is kept; the newest one stays however large it is. */
  prune(): string[] {
    const files = readdirSync(this.folder)
      .filter(
        (name) => name.startsWith(this.#prefix) && KINDS.test(name) && /^\d{8}T/.test(name.slice(this.#prefix.length)),
      )
      .map((name) => ({ path: join(this.folder, name), ...statsOf(join(this.folder, name)) }))
      .sort((a, b) => b.at - a.at || (a.path < b.path ? 1 : -1));
    let bytes = 0;
    const removed = files.filter(({ size }, i) => {
      bytes += size;
      return i > 0 && (i >= this.#kept.count || bytes > this.#kept.bytes);
    });
    for (const { path } of removed) rmSync(path, { force: true });
    return removed.map(({ path }) => path);
  }

  /** A node's name may hold what a path must not. */
  get #prefix(): string {
    return `${this.#node.replace(/[^\w.@-]/g, "_")}-`;
  }
}

function statsOf(path: string): { size: number; at: number } {
  try {
    const { size, mtimeMs: at } = statSync(path);
    return { size, at };
  } catch {
    return { size: 0, at: 0 };
  }
}
