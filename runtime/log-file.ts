import { mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Opens a log file for appending, so that a rotation by copy and truncate loses no position. */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, "a", 0o640);
}
