/**
 * Loaded before anything else in each of Azora's processes (`NODE_FLAGS`). While a process starts, nearly everything that
 * it allocates stays alive, so V8 doubles the space for new objects to 32 MB, which is then empty in a node that has little
 * to do. It stays at 2 MB until the process has started; that takes no longer. Afterwards it grows with the load as ever.
 */
import { setFlagsFromString } from "node:v8";
import { isMainThread } from "node:worker_threads";

/** A process that inherits the flags and never says that it has started: one that a service forks, ms. */
const STARTED_AT_LAST_MS = 30_000;

// Compiled code is kept for one set of V8's flags: all processes have to hold it, or none.
if (isMainThread) {
  setFlagsFromString("--semi-space-growth-factor=1");
  setTimeout(letYoungGenerationGrow, STARTED_AT_LAST_MS).unref();
}

/** To be called when the process has loaded what it needs, and has kept what it compiled. */
export function letYoungGenerationGrow(): void {
  // V8's own default.
  setFlagsFromString("--semi-space-growth-factor=2");
}
