import type { Failure } from "./healing.ts";

/** How one OTP supervisor treats the others when one of its children has failed. */
export const STRATEGIES = ["one-for-one", "rest-for-one", "one-for-all"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A healing action that the service itself can carry out. */
export interface OwnHealingAction {
  /** Name under which it is asked for, as `data-repair`. */
  type: string;
  /** The service's action, without the service's name. */
  action: string;
  description?: string;
  /** ms @default 30000 */
  timeout?: number;
  /** Time before it is carried out again on the same target, ms. @default 60000 */
  cooldown?: number;
  /** Failures for which it is a remedy by itself. @default none: only when it is asked for */
  failures?: Failure[];
  /** What it costs, as lost time in ms: the cheapest remedy is tried first. @default 1000 */
  cost?: number;
}

/** How a service wants to be healed. Everything is optional. */
export interface HealingMetadata {
  /** Restarts before quarantine. @default AZORA_DEFAULT_MAX_RESTART_ATTEMPTS */
  attempts?: number;
  /** Waits before the attempts, ms; the last again and again. @default [0, 1000, 5000, 15000, 30000, 60000, 60000] */
  backoff?: number[];
  /** Share by which a wait varies, 0 to 1. @default 0.25 */
  jitter?: number;
  /** Time without a failure after which its attempts are forgotten, ms. @default 60000 */
  stableAfter?: number;
  /** More restarts than this within the period, ms, are flapping: quarantine. @default 10 in 600000 */
  intensity?: { restarts: number; period: number };
  /** Time between two trials in quarantine, ms. @default three times AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT */
  trialEvery?: number;
  /**
   * Which others are restarted when it has been: nobody, those that depend on it, or all that share its node.
   * @default "one-for-one"
   */
  strategy?: Strategy;
  /** Service that takes its calls when it is failed over. */
  standby?: string;
  actions?: OwnHealingAction[];
}
