import { type Random, sampleBeta, sampleGamma, sampleNormal } from "./samplers.ts";

/** What was seen of one rung, weighted: old evidence and that of other services counts less. */
export interface Evidence {
  successes: number;
  failures: number;
  /** Sum of the costs of all attempts, ms. */
  sum: number;
  /** Sum of their squares. */
  squares: number;
}

/** What is believed of one rung: probability that an attempt helps, and what an attempt costs, ms. */
export interface Belief {
  success: number;
  cost: number;
}

/** Prior of the cost as if one attempt had been seen at `cost`, within about half of it. */
const COST_PSEUDO_COUNT = 1;
const COST_SHAPE = 2;
const COST_SPREAD = 0.5;

export function noEvidence(): Evidence {
  return { successes: 0, failures: 0, sum: 0, squares: 0 };
}

export function add(to: Evidence, success: boolean, cost: number): void {
  if (success) to.successes++;
  else to.failures++;
  to.sum += cost;
  to.squares += cost * cost;
}

/** The sum of evidence, each with its weight. */
export function weighted(parts: readonly { evidence: Evidence; weight: number }[]): Evidence {
  const total = noEvidence();
  for (const { evidence, weight } of parts) scale(evidence, weight, total);
  return total;
}

/** Lets evidence count `factor` times as much as before. */
export function fade(evidence: Evidence, factor: number): Evidence {
  return scale(evidence, factor, noEvidence());
}

function scale(evidence: Evidence, factor: number, into: Evidence): Evidence {
  for (const key of ["successes", "failures", "sum", "squares"] as const) into[key] += evidence[key] * factor;
  return into;
}

/** The mean of the posterior. @param expected cost of an attempt before one was seen, ms */
export function meanBelief(evidence: Evidence, expected: number): Belief {
  const { successes, failures } = evidence;
  return { success: (1 + successes) / (2 + successes + failures), cost: Math.max(0, costOf(evidence, expected).mean) };
}

/** One draw from the posterior: Beta(1, 1) for success, Normal-Gamma for the mean cost. */
export function sampleBelief(evidence: Evidence, expected: number, random: Random): Belief {
  const { mean, count, shape, rate } = costOf(evidence, expected);
  const precision = sampleGamma(shape, random) / rate;
  const cost = mean + sampleNormal(random) / Math.sqrt(count * precision);
  return { success: sampleBeta(1 + evidence.successes, 1 + evidence.failures, random), cost: Math.max(0, cost) };
}

/** Normal-Gamma posterior (Murphy: Conjugate Bayesian analysis of the Gaussian distribution, 2007, section 3). */
function costOf({ successes, failures, sum, squares }: Evidence, expected: number) {
  const seen = successes + failures;
  const count = COST_PSEUDO_COUNT + seen;
  const mean = (COST_PSEUDO_COUNT * expected + sum) / count;
  const average = seen > 0 ? sum / seen : expected;
  const within = seen > 0 ? Math.max(0, squares - seen * average * average) : 0;
  const between = (COST_PSEUDO_COUNT * seen * (average - expected) ** 2) / count;
  const prior = COST_SHAPE * (COST_SPREAD * expected) ** 2;
  return { mean, count, shape: COST_SHAPE + seen / 2, rate: prior + (within + between) / 2 };
}
