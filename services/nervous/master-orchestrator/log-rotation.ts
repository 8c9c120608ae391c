import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

const MAX_BYTES = 20 * 1024 * 1024;
const KEEP = 3;
const LOOK_EVERY_MS = 10_000;

/** Keeps log files from growing without end: copied and truncated, since the writers keep them open. */
export class LogRotation {
  readonly #folders: string[];
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#folders = [folder, join(folder, "orchestrator")];
  }

  start(): void {
    this.#timer = setInterval(() => this.rotate(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  rotate(maxBytes = MAX_BYTES): void {
    for (const folder of this.#folders) {
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        const size = name.endsWith(".log") ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0;
        if (size > maxBytes) rotateFile(path);
      }
    }
  }
}

/** `x.log` becomes `x.log.1`, that `x.log.2`, and so on; the oldest goes. A full disk leaves all as it is. */
function rotateFile(path: string): void {
  const copy = `${path}.new`;
  try {
    // Copied first: what is renamed before a copy that fails would be lost, try after try.
    copyFileSync(path, copy);
    for (let i = KEEP - 1; i >= 1; i--) if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`);
    renameSync(copy, `${path}.1`);
    truncateSync(path);
  } catch {
    // tried again at the next look
    rmSync(copy, { force: true });
  }
}
