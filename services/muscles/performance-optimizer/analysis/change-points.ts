import { seeded } from "./seeded.ts";

export interface ChangePoint {
  /** First value of the new time. */
  at: number;
  /** That values before and after differ, 0 to 1. */
  confidence: number;
}

export interface ChangePointOptions {
  /** Values on each side at least. @default 8 */
  least?: number;
  /** How often one is found in a series that has none. @default 0.01 */
  alpha?: number;
  /** @default 5 */
  most?: number;
  /** @default 1 */
  seed?: number;
}

const PERMUTATIONS = 399;
/** So many permutations as extreme as what was seen say enough (Besag and Clifford, 1991). */
const ENOUGH = 12;

/**
 * Where a series changes: divisive search by energy distance (Matteson and James, "A nonparametric approach for multiple
 * change point analysis of multivariate data", 2014, with exponent 1; used for performance tests by Daly et al., ICPE
 * 2020). It needs no distribution, and sees a change of the level or of the spread. Whether a point is one is told by
 * permutation, of blocks instead of single values, because minutes that follow each other are alike (Kunsch, 1989).
 */
export function changePoints(values: ArrayLike<number>, options: ChangePointOptions = {}): ChangePoint[] {
  const { least = 8, alpha = 0.01, most = 5, seed = 1 } = options;
  const random = seeded(seed);
  const found: ChangePoint[] = [];
  const open: { from: number; to: number }[] = [{ from: 0, to: values.length }];
  while (open.length > 0 && found.length < most) {
    const { from, to } = open.shift()!;
    if (to - from < 2 * least) continue;
    const distances = distancesOf(values, from, to);
    const best = strongest(distances, to - from, least, identity(to - from));
    const confidence = confidenceOf(distances, to - from, least, best.strength, values, from, random);
    if (1 - confidence > alpha) continue;
    found.push({ at: from + best.at, confidence });
    open.push({ from, to: from + best.at }, { from: from + best.at, to });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** The split with the largest weighted energy distance between its two sides. */
export function strongest(
  distances: Float64Array,
  n: number,
  least: number,
  order: Uint16Array,
): { at: number; strength: number } {
  // Sums of distances within the left side, within the right side, and between them; one value changes sides at a time.
  let right = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) right += distances[i * n + j]!;
  let left = 0;
  let between = 0;
  let best = { at: least, strength: Number.NEGATIVE_INFINITY };
  for (let split = 1; split <= n - least; split++) {
    const moved = order[split - 1]! * n;
    let toLeft = 0;
    let toRight = 0;
    for (let i = 0; i < split - 1; i++) toLeft += distances[moved + order[i]!]!;
    for (let i = split; i < n; i++) toRight += distances[moved + order[i]!]!;
    left += toLeft;
    right -= toRight;
    between += toRight - toLeft;
    if (split < least) continue;
    const l = split;
    const r = n - split;
    const energy = (2 * between) / (l * r) - (2 * left) / (l * (l - 1)) - (2 * right) / (r * (r - 1));
    const strength = ((l * r) / n) * energy;
    if (strength > best.strength) best = { at: split, strength };
  }
  return best;
}

export function distancesOf(values: ArrayLike<number>, from: number, to: number): Float64Array {
  const n = to - from;
  const distances = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const distance = Math.abs(values[from + i]! - values[from + j]!);
      distances[i * n + j] = distance;
      distances[j * n + i] = distance;
    }
  }
  return distances;
}

function confidenceOf(
  distances: Float64Array,
  n: number,
  least: number,
  seen: number,
  values: ArrayLike<number>,
  from: number,
  random: () => number,
): number {
  const block = blockLength(values, from, n);
  let asExtreme = 0;
  for (let tried = 1; tried <= PERMUTATIONS; tried++) {
    if (strongest(distances, n, least, shuffledBlocks(n, block, random)).strength >= seen) asExtreme++;
    if (asExtreme >= ENOUGH) return 1 - asExtreme / tried;
  }
  return 1 - (asExtreme + 1) / (PERMUTATIONS + 1);
}

/**
 * As long as values remember their predecessors. Memory is read from differences, of neighbours and of next but one
 * (where each value is `rho` times the last one and something new, their squares are as 1 to 1 + rho): a level that
 * changes once, which is what is looked for, is in few of them, and the largest are left out.
 */
function blockLength(values: ArrayLike<number>, from: number, n: number): number {
  const near = trimmedSquares(values, from, n, 1);
  const memory = near === 0 ? 0 : Math.max(0, Math.min(0.9, trimmedSquares(values, from, n, 2) / near - 1));
  return Math.max(1, Math.min(Math.floor(n / 10), Math.round(1 + (4 * memory) / (1 - memory))));
}

function trimmedSquares(values: ArrayLike<number>, from: number, n: number, lag: number): number {
  const squares = Float64Array.from(
    { length: n - lag },
    (_, i) => (values[from + i + lag]! - values[from + i]!) ** 2,
  ).sort();
  const kept = Math.floor(squares.length * 0.9);
  let sum = 0;
  for (let i = 0; i < kept; i++) sum += squares[i]!;
  return kept === 0 ? 0 : sum / kept;
}

function shuffledBlocks(n: number, block: number, random: () => number): Uint16Array {
  const count = Math.ceil(n / block);
  const order = identity(count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  const shuffled = new Uint16Array(n);
  let filled = 0;
  for (const one of order) {
    for (let i = one * block; i < Math.min(n, (one + 1) * block); i++) shuffled[filled++] = i;
  }
  return shuffled;
}

const identity = (n: number) => Uint16Array.from({ length: n }, (_, i) => i);
