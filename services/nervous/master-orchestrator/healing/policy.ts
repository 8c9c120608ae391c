import type { HealingMetadata } from "../../../../models/healing-metadata.ts";
import { type Backoff, RESTART_DELAYS, RESTART_JITTER } from "../../../../runtime/backoff.ts";
import type { OrchestratorConfig } from "../orchestrator.config.ts";

/** When and how often a target that failed is started again. All times in ms. */
export interface RestartPolicy extends Backoff {
  /** Attempts after which it is given up; `Infinity` for nodes, which come back whenever they can. */
  attempts: number;
  /** Time without a failure after which its attempts are forgotten. */
  stableAfter: number;
  /** More restarts than this in the period are flapping, and it is given up (OTP: intensity and period). */
  intensity: { restarts: number; period: number };
  /** Time after which a target that was given up is tried once more. */
  trialEvery: number;
}

const DEFAULTS = {
  backoff: RESTART_DELAYS,
  jitter: RESTART_JITTER,
  stableAfter: 60_000,
  intensity: { restarts: 10, period: 600_000 },
} as const;

/** A quarantined service is tried more seldom than an open breaker lets a probe through. */
const TRIAL_FACTOR = 3;

export const NODE_POLICY: RestartPolicy = {
  ...DEFAULTS,
  attempts: Number.POSITIVE_INFINITY,
  intensity: { restarts: Number.POSITIVE_INFINITY, period: 1 },
  trialEvery: Number.POSITIVE_INFINITY,
};

type Defaults = Pick<OrchestratorConfig, "defaultMaxRestartAttempts" | "circuitBreakerResetTimeout">;

/** The policy of one service: what its metadata says, else the organism's defaults. */
export function servicePolicy(healing: HealingMetadata | undefined, config: Defaults): RestartPolicy {
  return {
    attempts: healing?.attempts ?? config.defaultMaxRestartAttempts,
    backoff: healing?.backoff ?? DEFAULTS.backoff,
    jitter: healing?.jitter ?? DEFAULTS.jitter,
    stableAfter: healing?.stableAfter ?? DEFAULTS.stableAfter,
    intensity: healing?.intensity ?? DEFAULTS.intensity,
    trialEvery: healing?.trialEvery ?? TRIAL_FACTOR * config.circuitBreakerResetTimeout,
  };
}
