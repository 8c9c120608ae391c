import { SYSTEMS, type System } from "../../../../models/metrics.ts";

/** Systems that wait for each other, in a circle. */
export interface Circle {
  /** That of the weakest link, 0 to 1. */
  strain: number;
  /** Each waits for the next one, and the last for the first. */
  systems: System[];
}

const N = SYSTEMS.length;

/**
 * The circle whose weakest link is the strongest: widest paths, as Floyd and Warshall find shortest ones. It grows with each
 * link, and never by more than the link itself.
 *
 * @param strain from × to, 0 to 1
 */
export function worstCircle(strain: Float64Array): Circle | undefined {
  const widest = Float64Array.from(strain);
  const next = Int8Array.from({ length: N * N }, (_, at) => at % N);
  for (let via = 0; via < N; via++) {
    for (let from = 0; from < N; from++) {
      const first = widest[from * N + via]!;
      if (first === 0) continue;
      for (let to = 0; to < N; to++) {
        const width = Math.min(first, widest[via * N + to]!);
        if (width <= widest[from * N + to]!) continue;
        widest[from * N + to] = width;
        next[from * N + to] = next[from * N + via]!;
      }
    }
  }
  let [worst, from, to] = [0, 0, 0];
  for (let a = 0; a < N; a++) {
    for (let b = 0; b < N; b++) {
      const width = a === b ? 0 : Math.min(strain[a * N + b]!, widest[b * N + a]!);
      if (width > worst) [worst, from, to] = [width, a, b];
    }
  }
  if (worst === 0) return undefined;
  const systems = [SYSTEMS[from]!];
  // A path of widest links never needs a system twice.
  for (let at = to; at !== from && systems.length < N; at = next[at * N + from]!) systems.push(SYSTEMS[at]!);
  return { strain: worst, systems };
}
