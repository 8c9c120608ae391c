/** Waits before the attempts of a restart, s: the first at once, the last again and again. */
export const RESTART_DELAYS_S = [0, 1, 5, 15, 30, 60, 60] as const;

const JITTER = 0.25;

/**
 * Wait before an attempt (counted from 1), ms. Jitter of ±25 % keeps many that failed together from coming back
 * together. @param random 0 to 1
 */
export function restartDelay(attempt: number, scale = 1, random = Math.random()): number {
  const seconds = RESTART_DELAYS_S[Math.min(attempt, RESTART_DELAYS_S.length) - 1] ?? 0;
  return seconds * 1000 * scale * (1 + JITTER * (2 * random - 1));
}
