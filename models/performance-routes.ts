/** The performance optimizer over HTTP, the same on the gateway and on the orchestrator's server. Shapes only. */
import type { ServiceRoute } from "./service-route.ts";

export const PERFORMANCE_MOUNT = "/api/performance";

const MINUTE = 60_000;

export const PERFORMANCE_ROUTES: readonly ServiceRoute[] = [
  { method: "GET", path: "/metrics", action: "metrics", access: "contents" },
  { method: "POST", path: "/analyze", action: "analyze", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/pools", action: "pools", access: "contents" },
  { method: "GET", path: "/queries", action: "queries", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/advice", action: "advice", access: "contents", timeout: MINUTE },
  { method: "GET", path: "/cache", action: "cache", access: "contents" },
  { method: "GET", path: "/memory", action: "memory", access: "contents" },
  { method: "GET", path: "/history", action: "history", access: "contents" },

  { method: "POST", path: "/optimize/:service", action: "optimize", access: "control", timeout: 25 * MINUTE },
  { method: "POST", path: "/advice/:id/apply", action: "applyAdvice", access: "control", timeout: 2 * MINUTE },
  { method: "POST", path: "/history/:id/take-back", action: "takeBack", access: "control", timeout: MINUTE },
  { method: "POST", path: "/profile/:node", action: "profile", access: "control", timeout: 1.5 * MINUTE },
  { method: "POST", path: "/heap/:node", action: "heapSnapshot", access: "control", timeout: 1.5 * MINUTE },
];
