import { OVERLOADS } from "../breaker/outcome.ts";
import { TRANSPORT_LOST } from "./pending.ts";

/**
 * What is known of a remote call that failed:
 * `answered`, the service itself said so; `neverRun`, it was not sent, or the node said that it has no such service;
 * `refused`, the node has too much to do and did not begin it; `unknown`, it may have reached a node that died.
 */
export type Fate = "answered" | "neverRun" | "refused" | "unknown";

interface CallError {
  type?: string;
  /** Set on errors that came from another node. */
  nodeID?: string;
  data?: { action?: string; nodeID?: string; neverSent?: boolean };
}

/** @param action name of the action that was called @param target node that it was sent to */
export function fateOf(error: unknown, action: string, target: string | null): Fate {
  const { type, nodeID, data } = error as CallError;
  const fromAfar = nodeID !== undefined;
  if (type === TRANSPORT_LOST && !fromAfar) return "unknown";
  if (type === "REQUEST_REJECTED" && !fromAfar) return "unknown";
  if (type === "BAD_GATEWAY" && !fromAfar) return "neverRun";
  if (type === "SERVICE_UNAVAILABLE" && !fromAfar && data?.neverSent) return "neverRun";
  if (OVERLOADS.has(type) && data?.action === action) return "refused";
  const absent = type === "SERVICE_NOT_FOUND" || type === "SERVICE_NOT_AVAILABLE";
  // A deeper call of the service may fail in the same way: it names another action.
  if (absent && data?.action === action && (!data.nodeID || data.nodeID === target)) return "neverRun";
  return "answered";
}
