/** Traces of keys for the bench of the cache, the same at every run. */

/** That the caches hold, and keys of a trace. */
export const ENTRIES = 2000;
export const LENGTH = 400_000;

/** Mulberry32: 32 bits of state, enough for a trace. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Ranks from 0, by Zipf's law with the given exponent. */
function zipf(count: number, exponent: number, random: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1) ** exponent;
    sums[i] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

export interface Trace {
  name: string;
  says: string;
  keys: string[];
}

/** @param entries that the caches hold @param length of each trace */
export function traces(entries: number, length: number): Trace[] {
  const random = seeded(20_241);
  const objects = 10 * entries;
  const popular = zipf(objects, 1, random);
  const flat = zipf(objects, 0.7, random);
  let scanned = 0;
  const times = (make: (i: number) => number | string) => Array.from({ length }, (_, i) => `posts.get:${make(i)}`);
  return [
    { name: "zipf 1.0", says: `${objects} keys`, keys: times(() => popular()) },
    { name: "zipf 0.7", says: `${objects} keys, less unequal`, keys: times(() => flat()) },
    {
      name: "scan",
      says: "zipf 1.0, broken by runs through keys that never come again",
      keys: times((i) => (i % (8 * entries) < 2 * entries ? `s${scanned++}` : popular())),
    },
    {
      name: "shifting",
      says: "zipf 1.0, other keys are the popular ones every now and then",
      keys: times((i) => (popular() + Math.floor(i / (20 * entries)) * 3 * entries) % objects),
    },
    {
      name: "drifting",
      says: "each key is asked for a few times within a while, then never again",
      keys: times((i) => Math.floor(i / 4 + random() ** 3 * entries * 0.8)),
    },
    { name: "loop", says: "round and round through 1.25 times what fits", keys: times((i) => i % (1.25 * entries)) },
    {
      name: "loop and zipf",
      says: "half of each",
      keys: times((i) => (i % 2 === 0 ? `l${(i / 2) % (1.25 * entries)}` : popular())),
    },
  ];
}
