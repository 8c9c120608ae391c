/** The symbiotic rules engine over HTTP, the same on the gateway and on the orchestrator's server. Shapes only. */
import type { ServiceRoute } from "./service-route.ts";

export const ORGANISM_MOUNT = "/api/organism";

const MINUTE = 60_000;
/** A set of rules. */
const LONGEST_BODY = 1024 * 1024;

export const ORGANISM_ROUTES: readonly ServiceRoute[] = [
  { method: "GET", path: "/state", action: "state", access: "contents" },
  { method: "GET", path: "/harmony", action: "harmony", access: "contents" },
  { method: "GET", path: "/harmony/explain", action: "explain", access: "contents" },
  { method: "GET", path: "/history", action: "history", access: "contents", timeout: 30_000 },
  { method: "GET", path: "/rules", action: "rules", access: "contents" },
  { method: "GET", path: "/rules/:id", action: "rule", access: "contents" },
  { method: "GET", path: "/rules/:id/why", action: "why", access: "contents" },
  { method: "GET", path: "/faults", action: "faults", access: "contents" },
  { method: "GET", path: "/conflicts", action: "conflicts", access: "contents" },
  { method: "GET", path: "/executions", action: "executions", access: "contents" },
  { method: "GET", path: "/held", action: "held", access: "contents" },
  { method: "GET", path: "/flags", action: "flags", access: "contents" },
  { method: "GET", path: "/alerts", action: "alerts", access: "contents" },
  { method: "GET", path: "/alerts/definitions", action: "alertDefinitions", access: "contents" },
  { method: "GET", path: "/alerts/prometheus", action: "prometheusRules", access: "contents" },
  { method: "GET", path: "/silences", action: "silences", access: "contents" },
  // They change nothing, but keep a core busy for as long as a minute.
  {
    method: "POST",
    path: "/rules/check",
    action: "checkRules",
    access: "control",
    longestBody: LONGEST_BODY,
    timeout: MINUTE,
  },
  {
    method: "POST",
    path: "/rules/replay",
    action: "replay",
    access: "control",
    longestBody: LONGEST_BODY,
    timeout: MINUTE,
  },

  { method: "POST", path: "/rules", action: "putRule", access: "control", timeout: 30_000 },
  { method: "POST", path: "/rules/execute", action: "execute", access: "control", timeout: 3 * MINUTE },
  { method: "POST", path: "/rules/:id/change", action: "changeRule", access: "control" },
  { method: "POST", path: "/rules/:id/restore", action: "restoreRule", access: "control" },
  { method: "POST", path: "/rules/:id/remove", action: "removeRule", access: "control" },
  { method: "POST", path: "/alerts/check", action: "checkAlerts", access: "control", longestBody: LONGEST_BODY },
  { method: "POST", path: "/alerts/:id/acknowledge", action: "acknowledge", access: "control" },
  { method: "POST", path: "/silences", action: "silence", access: "control" },
  { method: "POST", path: "/silences/:id/remove", action: "removeSilence", access: "control" },
];
