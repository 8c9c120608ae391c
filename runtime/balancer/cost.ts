import type { EndpointLoad } from "../load/endpoint-load.ts";

/** Time over which a new instance, or one that was taken out, grows into its share, ms. */
export const SLOW_START_MS = 10_000;
/** Its share at the beginning. */
const LEAST_WEIGHT = 0.1;
/** Most by which failures make an instance dearer. */
const WORST_PENALTY = 1000;

/** How much of its share an instance gets: 0 while it is taken out, then from 0.1 to 1 over the slow start. */
export function weightOf(load: EndpointLoad, now: number): number {
  if (now < load.ejectedUntil) return 0;
  const age = now - Math.max(load.since, load.ejectedUntil);
  return age >= SLOW_START_MS ? 1 : LEAST_WEIGHT + (1 - LEAST_WEIGHT) * (age / SLOW_START_MS);
}

/** By how much failures make an instance dearer: 1 without any, 8 where half of the calls fail. */
export function penaltyOf(load: EndpointLoad, now: number): number {
  const rate = load.failures.rate(now);
  return rate === 0 ? 1 : Math.min(WORST_PENALTY, (1 - rate) ** -3);
}

/**
 * What one more call to the instance costs: the latency to expect, times the calls that it would share the instance with,
 * dearer for failures; infinite while it is taken out.
 * @param latency to expect where nothing is known of the instance, µs
 */
export function costOf(load: EndpointLoad, now: number, latency: number): number {
  if (now < load.ejectedUntil) return Number.POSITIVE_INFINITY;
  const expected = load.expected(now) || latency;
  return expected * (load.inFlight + 1) * penaltyOf(load, now);
}
