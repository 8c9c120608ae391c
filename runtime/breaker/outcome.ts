import { TRANSPORT_LOST } from "../failover/pending.ts";

/**
 * What a call's error says of the instance that was called:
 * `answered`, it is alive and said no; `refused`, it is alive and has too much to do; `broke`, it is alive, but this action
 * failed; `silent`, no answer came from it; `nothing`, the call says nothing of it.
 */
export type Outcome = "answered" | "refused" | "broke" | "silent" | "nothing";

interface CallError {
  type?: unknown;
  /** Set on errors that came from another node. */
  nodeID?: unknown;
  code?: unknown;
  cause?: { type?: unknown };
  data?: { action?: unknown } | null;
}

/** Errors of the way to a service, which name the action that was not carried out. */
const OF_THE_WAY: ReadonlySet<unknown> = new Set([
  "SERVICE_NOT_FOUND",
  "SERVICE_NOT_AVAILABLE",
  "REQUEST_TIMEOUT",
  "REQUEST_REJECTED",
  "REQUEST_SKIPPED",
  "OUTCOME_UNKNOWN",
]);
/** Refusals before a call is made, so never of the instance itself but of one that it called. */
const REFUSALS: ReadonlySet<unknown> = new Set(["CIRCUIT_OPEN", "SERVICE_QUARANTINED"]);
/** Of an instance that has too much to do; they name the action that was not begun. */
export const OVERLOADS: ReadonlySet<unknown> = new Set(["OVERLOADED", "QUEUE_FULL", "POOL_EXHAUSTED"]);
/** What the audit chain answers where its disk, its files or its witnesses are at fault. A restart closes the record, too. */
const OF_THE_CHAIN: ReadonlySet<unknown> = new Set([
  "CHAIN_BUSY",
  "CHAIN_UNAVAILABLE",
  "CHAIN_ROLLED_BACK",
  "CHAIN_UNWITNESSED",
  "CHAIN_CORRUPT",
]);

/** @param action name of the action that was called */
export function outcomeOf(error: unknown, action: string): Outcome {
  const { type, code, cause, data, nodeID } = (error ?? {}) as CallError;
  // The loss of the whole bus is no fault of one instance.
  if (type === TRANSPORT_LOST || (type === "OUTCOME_UNKNOWN" && cause?.type === TRANSPORT_LOST)) return "nothing";
  // It was never sent, since there is no bus.
  if (type === "BAD_GATEWAY" && nodeID === undefined) return "nothing";
  if (REFUSALS.has(type) || OF_THE_CHAIN.has(type)) return "answered";
  if (OVERLOADS.has(type)) return data?.action === action ? "refused" : "answered";
  if (OF_THE_WAY.has(type)) {
    // A deeper call of the instance did not get through: the instance itself has answered.
    if (data?.action !== undefined && data.action !== action) return "answered";
    // It left between the choice and the call; the registry will say so in a moment.
    return type === "SERVICE_NOT_FOUND" || type === "SERVICE_NOT_AVAILABLE" ? "nothing" : "silent";
  }
  return typeof code === "number" && code >= 400 && code < 500 ? "answered" : "broke";
}
