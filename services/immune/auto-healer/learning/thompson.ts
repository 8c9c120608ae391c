import type { Rung } from "../../../../models/healing.ts";
import { type Belief, type Evidence, meanBelief, sampleBelief } from "./evidence.ts";
import type { Random } from "./samplers.ts";

/** Rungs that are an attempt at healing, the mildest first. Quarantine is where the ladder ends, never where it begins. */
export const CLIMBED = ["restart-in-place", "graceful-restart", "dependency-restart"] as const;
export type ClimbedRung = (typeof CLIMBED)[number];

export function isClimbed(rung: Rung): rung is ClimbedRung {
  return (CLIMBED as readonly string[]).includes(rung);
}

/** The ladder that is climbed from the chosen rung on. Times in ms. */
export interface Ladder {
  attempts: number;
  /** Wait before each attempt; the attempt that is begun with is made at once. */
  waits: readonly number[];
  /** First attempt of each rung. */
  entries: Record<ClimbedRung, number>;
  /** What giving up costs. */
  quarantine: number;
  /** What an attempt is thought to cost before one was seen. */
  expected: Record<ClimbedRung, number>;
}

export type Knowledge = Record<ClimbedRung, Evidence>;
export type Costs = Record<ClimbedRung, number>;

export interface Choice {
  rung: ClimbedRung;
  /** The draw chose what the mean would not have: something is to be found out. */
  exploring: boolean;
  /** Expected cost of the ladder from each rung on by the mean of what is believed, ms. */
  costs: Costs;
}

/** Failures of the milder rung that count as having seen it fail. */
const SEEN_FAILING = 0.5;

/**
 * Thompson sampling (1933; Russo et al.: A tutorial on Thompson sampling, 2018): draws what might be true of each rung
 * and takes the entry that would then be cheapest, so that what is uncertain is tried as often as it may be the best.
 * @param explore false takes the best by the mean
 */
export function choose(knowledge: Knowledge, ladder: Ladder, random: Random, explore: boolean): Choice {
  const allowed = allowedEntries(knowledge);
  const costs = costsFrom(ladder, (rung) => meanBelief(knowledge[rung], ladder.expected[rung]));
  const best = cheapest(allowed, costs);
  if (!explore) return { rung: best, exploring: false, costs };
  const drawn = costsFrom(ladder, (rung) => sampleBelief(knowledge[rung], ladder.expected[rung], random));
  const rung = cheapest(allowed, drawn);
  return { rung, exploring: rung !== best, costs };
}

/** A rung may be begun with only where the one below it may be, and was seen failing. */
export function allowedEntries(knowledge: Knowledge): ClimbedRung[] {
  const blocked = CLIMBED.findIndex((rung) => knowledge[rung].failures < SEEN_FAILING);
  return CLIMBED.slice(0, blocked < 0 ? CLIMBED.length : blocked + 1);
}

/** Expected cost of climbing from each rung to the end: each attempt costs, and one that fails the wait and the rest too. */
export function costsFrom(ladder: Ladder, belief: (rung: ClimbedRung) => Belief): Costs {
  const beliefs = Object.fromEntries(CLIMBED.map((rung) => [rung, belief(rung)])) as Record<ClimbedRung, Belief>;
  const from = {} as Costs;
  let rest = ladder.quarantine;
  for (let attempt = ladder.attempts; attempt >= 1; attempt--) {
    const rung = CLIMBED.findLast((one) => attempt >= ladder.entries[one]) ?? "restart-in-place";
    const wait = attempt < ladder.attempts ? waitBefore(ladder, attempt + 1) : 0;
    rest = beliefs[rung].cost + (1 - beliefs[rung].success) * (wait + rest);
    for (const one of CLIMBED) if (Math.min(ladder.entries[one], ladder.attempts) === attempt) from[one] = rest;
  }
  return from;
}

export function waitBefore({ waits }: Ladder, attempt: number): number {
  return waits[Math.min(attempt, waits.length) - 1] ?? 0;
}

function cheapest(allowed: readonly ClimbedRung[], costs: Costs): ClimbedRung {
  return allowed.reduce((best, rung) => (costs[rung] < costs[best] ? rung : best));
}
