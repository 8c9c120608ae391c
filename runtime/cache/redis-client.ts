import { createRequire } from "node:module";
import type { Redis } from "ioredis";
import { SCRIPTS } from "./far-scripts.ts";

/** A connection that is never waited for: what cannot be sent now fails. */
export function clientOf(url: string): Redis {
  // Only where it is wanted: it takes its time to load.
  const ioredis = createRequire(import.meta.url)("ioredis") as { Redis: new (url: string, options: object) => Redis };
  return new ioredis.Redis(url, {
    scripts: SCRIPTS,
    // A command that cannot be sent now is not kept for later.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 5000,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 6), 2000),
  });
}
