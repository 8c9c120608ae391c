import type { EndpointLoad } from "../load/endpoint-load.ts";

/** Most of an action's instances that may be out at once, as a share. Of fewer than ten none is taken out. */
export const MOST_EJECTED = 0.1;
/** How long the first ejection lasts; each further one in a row is longer by as much, ms. */
export const BASE_EJECTION_MS = 10_000;
const LONGEST_EJECTION_MS = 300_000;
/** From this share of failures on an instance stands out, if the others fail half as often at most. */
const FAILURE_RATE = 0.4;
/** From so many times the median of the others' latency on. */
const SLOWER = 5;
/** Differences below this are nobody's trouble, µs. */
const LEAST_LATENCY = 5000;
/** Calls that have to count before an instance is judged. */
const LEAST_CALLS = 5;

/**
 * Takes out of balance, for a while, the instances that fail or are slow where the others are not (as Envoy's outlier
 * detection does). What all of them suffer is no reason. @returns those that were taken out now
 */
export function ejectOutliers(loads: Iterable<EndpointLoad>, now: number): EndpointLoad[] {
  const groups = new Map<string, EndpointLoad[]>();
  for (const load of loads) {
    const group = groups.get(load.action);
    if (group) group.push(load);
    else groups.set(load.action, [load]);
  }
  return [...groups.values()].flatMap((group) => ejectOf(group, now));
}

function ejectOf(group: EndpointLoad[], now: number): EndpointLoad[] {
  const isOut = (load: EndpointLoad) => now < load.ejectedUntil;
  let room = Math.floor(group.length * MOST_EJECTED) - group.filter(isOut).length;
  const ejected: EndpointLoad[] = [];
  if (room <= 0) return ejected;
  const judged = group.filter((load) => !isOut(load) && load.failures.calls(now) >= LEAST_CALLS);
  for (const load of judged.toSorted((a, b) => badness(b, now) - badness(a, now))) {
    if (room === 0) break;
    const others = group.filter((other) => other !== load && !isOut(other));
    if (standsOut(load, others, now)) {
      eject(load, now);
      ejected.push(load);
      room--;
    } else forgive(load, now);
  }
  return ejected;
}

function standsOut(load: EndpointLoad, others: EndpointLoad[], now: number): boolean {
  const rate = load.failures.rate(now);
  if (rate >= FAILURE_RATE && median(others.map((other) => other.failures.rate(now))) <= rate / 2) return true;
  const latency = load.latency.at(now);
  return latency >= LEAST_LATENCY && latency >= SLOWER * median(others.map((other) => other.latency.at(now)));
}

function eject(load: EndpointLoad, now: number): void {
  load.ejections++;
  load.ejectedUntil = now + Math.min(LONGEST_EJECTION_MS, BASE_EJECTION_MS * load.ejections);
}

/** Who did well for as long as it was out begins again with a short ejection. */
function forgive(load: EndpointLoad, now: number): void {
  if (load.ejections > 0 && now - load.ejectedUntil >= BASE_EJECTION_MS * load.ejections) load.ejections = 0;
}

const badness = (load: EndpointLoad, now: number) => load.failures.rate(now) * 1e9 + load.latency.at(now);

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
