/** Waits before the attempts of a restart, ms: the first at once, the last again and again. */
export const RESTART_DELAYS = [0, 1000, 5000, 15_000, 30_000, 60_000, 60_000] as const;

/** Keeps many that failed together from coming back together. */
export const RESTART_JITTER = 0.25;

export interface Backoff {
  /** Waits before the attempts, ms; the last again and again. */
  backoff: readonly number[];
  /** Share by which a wait varies, 0 to 1. */
  jitter: number;
}

const DEFAULT: Backoff = { backoff: RESTART_DELAYS, jitter: RESTART_JITTER };

/** Wait before an attempt (counted from 1), ms. @param random 0 to 1 */
export function restartDelay(attempt: number, scale = 1, random = Math.random(), policy: Backoff = DEFAULT): number {
  const wait = policy.backoff[Math.min(attempt, policy.backoff.length) - 1] ?? 0;
  return wait * scale * (1 + policy.jitter * (2 * random - 1));
}
