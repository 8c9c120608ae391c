import type { HealingRecord, Rung } from "../../../../models/healing.ts";
import { RESTART_DELAYS } from "../../../../runtime/backoff.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { fade, meanBelief, weighted } from "./evidence.ts";
import { Illness, type IllnessState, type Weights } from "./illness.ts";
import type { Random } from "./samplers.ts";
import { isIllnessState } from "./saved.ts";
import { allowedEntries, CLIMBED, type ClimbedRung, choose, type Knowledge } from "./thompson.ts";

export interface LearnerOptions {
  /** Whether the advice is followed. Where it is not, no recovery counts as one after learning. @default true */
  applied?: boolean;
  /** Multiplies all waits and windows, as for the ladder itself. @default 1 */
  timeScale?: number;
  /** Attempts before quarantine. @default 7 */
  attempts?: number;
  /** Outcomes of a signature below which the static ladder is climbed. @default 3 */
  minOutcomes?: number;
  /** Failures of one signature per hour that may be begun with another rung than the best known. @default 3 */
  experimentsPerHour?: number;
  /** Weight of an outcome of another service with the same failure and error. @default 0.25 */
  share?: number;
  /** What one lost call costs, as ms of time to recover. @default 100 */
  lostWeight?: number;
  /** Time after which an outcome counts half, ms; not scaled. @default 604_800_000 (7 days) */
  halfLife?: number;
  /** Signatures that are remembered; least recently seen go first. @default 1000 */
  limit?: number;
}

/** What was learned of one signature. Times in ms, from real outcomes only. */
export interface LessonReport {
  signature: string;
  outcomes: number;
  quarantined: number;
  /** ISO 8601 */
  first: string;
  last: string;
  /** Median time to recover of failures that began at the bottom of the ladder, before anything was learned. */
  medianBefore: number | null;
  /** The same where the advised rung was begun with. */
  medianAfter: number | null;
  recoveries: { before: number; after: number };
  /** Rung to begin with; null while the static ladder is climbed. */
  chosen: Rung | null;
  /** By own outcomes and, with less weight, those of other services. */
  rungs: {
    rung: Rung;
    attempts: number;
    success: number;
    cost: number;
    allowed: boolean;
    expectedTotal: number | null;
  }[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Time without a failure after which a target counts as recovered, ms. */
const STABLE_MS = 60_000;
const QUARANTINE_COST_MS = 300_000;
/** Choices of a signature that has not fallen ill since are drawn anew after this time: evidence fades. */
const CHOICE_LASTS_MS = HOUR_MS;

/** Learns from the outcomes of healing with which rung of the ladder to begin, for each signature. */
export class Learner {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: Required<LearnerOptions>;
  readonly #weights: Weights;
  /** Least recently seen first. */
  readonly #illnesses = new Map<string, Illness>();
  /** Signatures that were forgotten because there were too many. */
  forgotten = 0;

  constructor(clock: Clock, random: Random, options: LearnerOptions = {}) {
    this.#clock = clock;
    this.#random = random;
    const defaults = { applied: true, timeScale: 1, attempts: 7, minOutcomes: 3, experimentsPerHour: 3, share: 0.25 };
    this.#options = { ...defaults, lostWeight: 100, halfLife: 7 * DAY_MS, limit: 1000, ...options };
    const { applied, timeScale, attempts, lostWeight } = this.#options;
    this.#weights = {
      applied,
      lost: lostWeight,
      stable: STABLE_MS * timeScale,
      ladder: {
        attempts,
        waits: RESTART_DELAYS.map((wait) => wait * timeScale),
        entries: { "restart-in-place": 1, "graceful-restart": 4, "dependency-restart": 6 },
        quarantine: QUARANTINE_COST_MS * timeScale,
        expected: { "restart-in-place": 100, "graceful-restart": 3000, "dependency-restart": 10_000 },
      },
    };
  }

  /** Takes in the outcome of one act; each is to be given once, and in their order. What operators did is no lesson. */
  observe(record: HealingRecord): void {
    const { signature, rung, by } = record;
    if (!signature || by === "operator") return;
    const now = this.#clock.now();
    if (!rung) {
      this.#illnesses.get(signature)?.pass(record);
      return;
    }
    const illness = this.#illnesses.get(signature) ?? new Illness(signature, now);
    this.#touch(illness);
    this.#fade(illness, now);
    const ended = illness.observe(record, now, this.#weights);
    // In the middle of a failure the choice for the next one may wait; what it was for this one must stay known.
    if (ended || !illness.choice) this.#choose(illness, now);
  }

  /** With which rung to begin, for each signature of which enough is known. */
  advice(): Record<string, Rung> {
    const now = this.#clock.now();
    const advice: Record<string, Rung> = {};
    for (const illness of this.#illnesses.values()) {
      if (illness.choice && now - illness.choice.at > CHOICE_LASTS_MS) this.#choose(illness, now);
      if (illness.choice) advice[illness.state.signature] = illness.choice.rung;
    }
    return advice;
  }

  /** What was learned, most recently seen first. */
  report(): LessonReport[] {
    return [...this.#illnesses.values()].reverse().map((illness) => this.#reportOf(illness));
  }

  /** All that must outlive this process; JSON. */
  save(): object {
    return { version: 1, illnesses: [...this.#illnesses.values()].map(({ state }) => structuredClone(state)) };
  }

  /** Takes over what was saved. What is not of the right shape is left out; returns how much that was. */
  restore(saved: object): number {
    const { version, illnesses } = saved as { version?: unknown; illnesses?: unknown };
    if (version !== 1 || !Array.isArray(illnesses)) return 1;
    const now = this.#clock.now();
    const states: IllnessState[] = illnesses.filter(isIllnessState);
    for (const state of states) this.#touch(new Illness(state.signature, now, structuredClone(state)));
    for (const illness of this.#illnesses.values()) this.#choose(illness, now);
    return illnesses.length - states.length;
  }

  #choose(illness: Illness, now: number): void {
    if (illness.state.outcomes < this.#options.minOutcomes) return;
    const { experimentsPerHour, timeScale } = this.#options;
    illness.experiments = illness.experiments.filter((at) => at > now - HOUR_MS * timeScale);
    const explore = illness.experiments.length < experimentsPerHour;
    illness.choice = { ...choose(this.#known(illness, now), this.#weights.ladder, this.#random, explore), at: now };
  }

  /** Own evidence, and with less weight what other services have taught of the same failure and error. */
  #known(illness: Illness, now: number): Knowledge {
    const others = [...this.#illnesses.values()].filter((one) => one !== illness && one.family === illness.family);
    const parts = [illness, ...others].map((one) => ({ one, factor: one === illness ? 1 : this.#options.share }));
    const evidenceOf = (rung: ClimbedRung) =>
      weighted(
        parts.map(({ one, factor }) => ({
          evidence: one.state.knowledge[rung],
          weight: factor * this.#faded(one, now),
        })),
      );
    return Object.fromEntries(CLIMBED.map((rung) => [rung, evidenceOf(rung)])) as Knowledge;
  }

  #faded({ state }: Illness, now: number): number {
    return 2 ** (-Math.max(0, now - state.fadedAt) / this.#options.halfLife);
  }

  #fade(illness: Illness, now: number): void {
    const factor = this.#faded(illness, now);
    const { state } = illness;
    for (const rung of CLIMBED) state.knowledge[rung] = fade(state.knowledge[rung], factor);
    state.fadedAt = now;
  }

  #touch(illness: Illness): void {
    const { signature } = illness.state;
    this.#illnesses.delete(signature);
    this.#illnesses.set(signature, illness);
    if (this.#illnesses.size <= this.#options.limit) return;
    this.#illnesses.delete(this.#illnesses.keys().next().value!);
    this.forgotten++;
  }

  #reportOf(illness: Illness): LessonReport {
    const { signature, outcomes, quarantined, first, last, before, after } = illness.state;
    const known = this.#known(illness, this.#clock.now());
    const allowed = allowedEntries(known);
    return {
      signature,
      outcomes,
      quarantined,
      first: new Date(first).toISOString(),
      last: new Date(last).toISOString(),
      medianBefore: median(before),
      medianAfter: median(after),
      recoveries: { before: before.length, after: after.length },
      chosen: illness.choice?.rung ?? null,
      rungs: CLIMBED.map((rung) => {
        const { success, cost } = meanBelief(known[rung], this.#weights.ladder.expected[rung]);
        const { successes, failures } = illness.state.knowledge[rung];
        const expectedTotal = illness.choice ? Math.round(illness.choice.costs[rung]) : null;
        return {
          rung,
          attempts: Math.round((successes + failures) * 10) / 10,
          success: Math.round(success * 1000) / 1000,
          cost: Math.round(cost),
          allowed: allowed.includes(rung),
          expectedTotal,
        };
      }),
    };
  }
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return null;
  return Math.round((sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2);
}
