import { METRICS, type Metric } from "../../../models/metrics.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { effectsOf } from "./effects.ts";
import { Situation } from "./situation.ts";
import { Trial } from "./trial.ts";

export interface LoopRun {
  /** In the order in which they fired; again and again while they are active. */
  fired: { at: number; rule: string }[];
  ended: { at: number; rule: string }[];
  /** `steady`: nothing changes any more; `beyond`: what came next is not foreseen; `open`: it was ended before. */
  end: "steady" | "beyond" | "open";
  /** Rules that still fire at the end. */
  restless: ReadonlySet<string>;
}

export interface LoopOptions {
  /** What metrics would be if no rule acted: the same work all the time. */
  demand: ReadonlyMap<string, number>;
  /** More work at first, until this rule has fired for the first time. */
  push?: Push;
  /** Nodes of each target, at first. @default 1 */
  nodes?: number;
  /** ms */
  horizon: number;
  /** Told after each tick; true ends the run. */
  enough?: (run: LoopRun) => boolean;
}

/** What makes a rule fire that the work alone does not. */
export interface Push {
  rule: string;
  values: ReadonlyMap<string, number>;
}

const TICK = 1000;
/** A run with long cooldowns has longer ticks. */
const MOST_TICKS = 4000;

/** Runs rules on constant demand, where what they do changes what they see. */
export function runLoop(rules: readonly CompleteRule[], options: LoopOptions): LoopRun {
  const { demand, push, nodes = 1, horizon, enough } = options;
  const trial = new Trial(rules);
  const effects = new Map(rules.map((rule) => [rule.id, effectsOf(rule)]));
  const situation = new Situation(nodes);
  const run: LoopRun = { fired: [], ended: [], end: "open", restless: new Set() };
  const step = Math.max(TICK, horizon / MOST_TICKS);
  const patience = 2 * step + rules.reduce((sum, rule) => sum + waitOf(rule), 0);
  let work = push ? new Map([...demand, ...push.values]) : demand;
  let values = seen(work, situation);
  let [now, changed] = [0, 0];
  // Who has fired in a time in which nothing changed will do so for ever, and nobody else.
  for (; now <= horizon && now - changed <= patience; now += step) {
    const { fired, ended } = trial.tick(values, now);
    for (const rule of ended) {
      situation.end(rule);
      run.ended.push({ at: now, rule });
    }
    let isMoved = ended.length > 0;
    for (const rule of fired) {
      isMoved = situation.apply(rule, effects.get(rule)!) || isMoved;
      run.fired.push({ at: now, rule });
    }
    if (push && fired.includes(push.rule) && work !== demand) {
      work = demand;
      isMoved = true;
    }
    if (isMoved) {
      values = seen(work, situation);
      changed = now;
    }
    if (situation.isBeyond) return { ...run, end: "beyond" };
    if (enough?.(run)) return run;
  }
  const late = run.fired.filter(({ at }) => at >= now - patience);
  const end = now - changed > patience ? "steady" : "open";
  return { ...run, end, restless: new Set(late.map(({ rule }) => rule)) };
}

/** Longest that a rule can take until it does what it is going to do, ms. */
export function waitOf(rule: CompleteRule): number {
  return rule.for + rule.cooldown + rule.keepFor + rule.minActive;
}

function seen(work: ReadonlyMap<string, number>, situation: Situation): Map<string, number> {
  const factors = situation.factors();
  return new Map([...work].map(([key, value]) => [key, within(key, value * (factors.get(key) ?? 1))]));
}

/** A full metric is no fuller than full. */
function within(key: string, value: number): number {
  const metric = key.slice(key.indexOf(".") + 1);
  return Object.hasOwn(METRICS, metric) ? Math.min(METRICS[metric as Metric].max, value) : value;
}
