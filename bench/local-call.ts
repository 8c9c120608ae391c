import { execFileSync } from "node:child_process";
import { join } from "node:path";

const SIDE = join(import.meta.dirname, "local-call-side.ts");

/** µs per local call of an empty action, measured in a process of its own. */
export function localCall(side: string): number {
  return Number(execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", SIDE, side]).toString());
}
