/** The audit chain over HTTP, the same on the gateway and on the orchestrator's server. Shapes only. */
import type { ServiceRoute } from "./service-route.ts";

export const CHAIN_MOUNT = "/api/chain";

const MINUTES = 60_000;

/** Of two that fit a path, the first one is meant. Open is what a log publishes anyway, hashes and signatures. */
export const CHAIN_ROUTES: readonly ServiceRoute[] = [
  { method: "GET", path: "/checkpoint", action: "checkpoint", access: "open" },
  { method: "GET", path: "/keys", action: "keys", access: "open" },
  { method: "GET", path: "/blocks", action: "blocks", access: "open" },
  { method: "GET", path: "/blocks/:height", action: "block", access: "open" },
  { method: "GET", path: "/consistency", action: "consistency", access: "open" },
  { method: "GET", path: "/proofs/:index", action: "inclusion", access: "open" },
  // A reader of C2SP tlog-tiles takes <server>/api/chain/log as the log's prefix.
  { method: "GET", path: "/log/tile/entries/*path", action: "bundleFile", access: "contents" },
  { method: "GET", path: "/log/*path", action: "logFile", access: "open" },

  { method: "GET", path: "/entries", action: "query", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/entries/at/:index", action: "entry", access: "contents" },
  { method: "GET", path: "/entries/at/:index/proof", action: "proof", access: "contents" },
  { method: "GET", path: "/entries/:id", action: "entry", access: "contents" },
  { method: "GET", path: "/entries/:id/proof", action: "proof", access: "contents" },
  { method: "GET", path: "/export", action: "export", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/incidents/:requestId", action: "incident", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/stats", action: "stats", access: "contents" },
  { method: "GET", path: "/accounted", action: "accounted", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/validation", action: "validate", access: "contents", timeout: 30 * MINUTES },

  { method: "POST", path: "/entries", action: "log", access: "control", timeout: 30_000 },
  { method: "POST", path: "/keys/rotate", action: "rotate", access: "control" },
  { method: "POST", path: "/keys/revoke", action: "revoke", access: "control" },
  { method: "POST", path: "/erase", action: "erase", access: "control" },
  { method: "POST", path: "/prune", action: "prune", access: "control", timeout: 10 * MINUTES },
  { method: "POST", path: "/begin-anew", action: "beginAnew", access: "control" },
  { method: "POST", path: "/captured", action: "captured", access: "control" },
];
