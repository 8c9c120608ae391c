import type { Estimate } from "./blocks.ts";

/** With fewer blocks nothing is known of how calls hang together. */
export const FEW = 8;
/** Pairs of so many blocks still say how they follow each other. */
const ENOUGH = 16;

/**
 * Variance of the difference of two means. What makes a call slow (a load, a collection, a neighbour) makes those of the
 * next seconds slow too, so calls count for less than their number: the variance comes from the blocks of increments and
 * from how blocks follow each other, the larger one of two estimates: of a first-order autoregression (with Kendall's
 * correction for short series), and of weighted autocovariances (Newey and West, "A simple, positive semi-definite,
 * heteroskedasticity and autocorrelation consistent covariance matrix", 1987). How blocks follow each other is taken from
 * both sides together. It is never below what independent calls would give.
 */
export function varianceOfDifference(before: Estimate, after: Estimate): number {
  const persistence = persistenceOf(before.residuals, after.residuals);
  const own = [before, after].map((side) => between(side, persistence));
  const overdispersed = Math.max(1, ...own.map((variance, i) => variance / [before, after][i]!.independent));
  return [before, after].reduce((sum, side, i) => {
    // A side of few blocks is supposed to be like the other one.
    const variance = side.residuals.length < FEW ? side.independent * overdispersed : own[i]!;
    return sum + Math.max(side.independent, variance);
  }, 0);
}

/** Few independent blocks know their variance badly: as Student's t would, with a bound. */
function between({ residuals, count }: Estimate, persistence: number): number {
  const n = residuals.length;
  if (n < FEW) return 0;
  const free = Math.max(3, n / persistence);
  return (((free + 1) / (free - 2)) * persistence * covariance(residuals, 0)) / count ** 2;
}

/** How much more a mean varies because blocks follow each other; at least 1. */
function persistenceOf(...sides: readonly Float64Array[]): number {
  const whole = pooled(sides, 0);
  if (!(whole > 0)) return 1;
  const n = lengthOf(sides);
  const reach = Math.min(15, Math.floor(n / 5));
  let weighted = 1;
  for (let lag = 1; lag <= reach; lag++) weighted += 2 * (1 - lag / (reach + 1)) * (pooled(sides, lag) / whole);
  let most = Math.max(1, weighted / (1 - reach / n));
  // In longer blocks the noise of single calls has gone, and what remains shows how it follows itself.
  for (let longer = sides, blocks = n; blocks >= ENOUGH; longer = longer.map(inPairs), blocks = lengthOf(longer)) {
    const level = pooled(longer, 0);
    const first = pooled(longer, 1) / level;
    const corrected = Math.min(0.95, first + (1 + 3 * first) / blocks);
    most = Math.max(most, ((level / whole) * (1 + corrected)) / (1 - corrected));
  }
  return most;
}

function lengthOf(sides: readonly Float64Array[]): number {
  return sides.reduce((sum, { length }) => sum + length, 0);
}

function pooled(sides: readonly Float64Array[], lag: number): number {
  return sides.reduce((sum, side) => sum + covariance(side, lag), 0);
}

function inPairs(blocks: Float64Array): Float64Array {
  return Float64Array.from({ length: Math.floor(blocks.length / 2) }, (_, i) => blocks[2 * i]! + blocks[2 * i + 1]!);
}

function covariance(residuals: Float64Array, lag: number): number {
  let sum = 0;
  for (let i = lag; i < residuals.length; i++) sum += residuals[i]! * residuals[i - lag]!;
  return sum;
}
