/** Length of an epoch, in which what nodes sent, received and recorded is counted and compared, ms. */
export const EPOCH_MS = 10_000;

/** The epoch of a moment of the wall clock, ms since 1970. */
export function epochOf(ms: number): number {
  return Math.floor(ms / EPOCH_MS);
}
