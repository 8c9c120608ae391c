/** Vocabulary of healing, shared by those who detect, decide, act and remember. Shapes only, no behaviour. */

export const FAILURES = [
  "crashed",
  "hung",
  "unreachable",
  "slow",
  "erroring",
  "leaking",
  "dependency down",
  "flapping",
  "resource exhausted",
  "unhealthy",
  "start failed",
  "start timeout",
] as const;
/** What kind of failure it is. `unhealthy`: the service's own health check says so, or does not answer. */
export type Failure = (typeof FAILURES)[number];

/** Steps of the ladder, the mildest first. */
export const RUNGS = ["restart-in-place", "graceful-restart", "dependency-restart", "quarantine"] as const;
export type Rung = (typeof RUNGS)[number];

export const ACTION_TYPES = [
  "restart",
  "scale-up",
  "scale-down",
  "reconnect",
  "clear-cache",
  "failover",
  "resource-adjust",
] as const;
/** Actions that the organism can carry out itself. Services and plug-ins register further ones. */
export type ActionType = (typeof ACTION_TYPES)[number];

export const HEALING_PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type HealingPriority = (typeof HEALING_PRIORITIES)[number];

/** Who or what is ill. A service on all of its nodes where no node is named. */
export interface HealingTarget {
  service?: string;
  node?: string;
}

/** What was chosen, and why nothing else was. */
export interface HealingDecision {
  chosen: string;
  why: string;
  alternatives: { action: string; why: string }[];
}

/** Something that is not as it should be, with the measurements that say so. */
export interface Detection {
  id: string;
  /** ISO 8601 */
  at: string;
  failure: Failure;
  target: HealingTarget;
  /** One sentence each, with figures and units. */
  evidence: string[];
  /** `warning`: it is named before it breaks. */
  severity: "warning" | "failure";
  /** Time until it breaks at the present trend, s. */
  secondsLeft?: number;
}

/** One act of healing and what was seen of it. */
export interface HealingRecord {
  id: string;
  /** ISO 8601, when the failure was seen. */
  at: string;
  target: HealingTarget;
  failure: string;
  action: string;
  attempt: number;
  success: boolean;
  observed: { before: string; after: string };
  /** From the failure being seen to its end, ms. */
  duration: number;
  reason: string;
  /** Upper bound of the time from the failure to its being seen: since the last sign of life, ms. */
  detection: number;
  /** The failure that this act is about; several attempts share it. */
  case?: string;
  evidence?: string[];
  decision?: HealingDecision;
  /** `<failure>|<service>|<fingerprint of the error>` */
  signature?: string;
  rung?: Rung;
  /** Who acted. @default "ladder" */
  by?: "ladder" | "healer" | "operator";
  /** Calls of the target's actions that failed between the failure and its end. */
  lost?: number;
}

/** What is asked of the healer. */
export interface HealingRequest {
  /** The same id is carried out once, and answered with the first outcome. */
  id: string;
  service?: string;
  node?: string;
  actionType: string;
  priority: HealingPriority;
  parameters: Record<string, unknown>;
  /** ms. @default 30000 */
  timeout: number;
}

/** What came of it. Success means that the wanted state was seen. */
export interface HealingResult {
  id: string;
  success: boolean;
  observed: { before: string; after: string };
  /** ms */
  duration: number;
  reason: string;
}

/** A service that takes no calls: in quarantine, or failed over to a standby that takes them instead. */
export interface Closure {
  service: string;
  why: string;
  /** Full name of the service that takes its calls. */
  standby?: string;
  /** When it is tried again, ms since the epoch. */
  trialAt?: number;
}

/** State of one circuit breaker that is not closed. */
export interface BreakerState {
  /** Full name of the calling service, or the node's id where no service calls. */
  caller: string;
  /** Full name of the service that is silent, or of the one action of it that fails. */
  callee: string;
  /** Node of the instance that is called. */
  node: string;
  state: "open" | "half-open";
  /** Consecutive failures that opened it. */
  failures: number;
  /** ms since the epoch. */
  since: number;
  reason: string;
}
