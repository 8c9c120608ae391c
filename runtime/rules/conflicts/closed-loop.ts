import { type CompleteRule, METRICS, type Metric } from "../../../models/symbiosis.ts";
import { effectsOf } from "./effects.ts";
import { Situation } from "./situation.ts";
import { Trial } from "./trial.ts";

export interface LoopRun {
  /** In the order in which they fired; again and again while they are active. */
  fired: { at: number; rule: string }[];
  ended: { at: number; rule: string }[];
}

export interface LoopOptions {
  /** What metrics would be if no rule acted: the same work all the time. */
  demand: ReadonlyMap<string, number>;
  /** Nodes of each target, at first. @default 1 */
  nodes?: number;
  /** ms */
  horizon: number;
  /** Told after each tick; true ends the run. */
  enough?: (run: LoopRun) => boolean;
}

const TICK = 1000;
/** A run with long cooldowns has longer ticks. */
const MOST_TICKS = 4000;

/** Runs rules on constant demand, where what they do changes what they see. */
export function runLoop(rules: readonly CompleteRule[], { demand, nodes = 1, horizon, enough }: LoopOptions): LoopRun {
  const trial = new Trial(rules);
  const situation = new Situation(nodes);
  const run: LoopRun = { fired: [], ended: [] };
  const step = Math.max(TICK, horizon / MOST_TICKS);
  for (let now = 0; now <= horizon; now += step) {
    const { fired, ended } = trial.tick(seen(demand, situation.factors()), now);
    for (const rule of ended) {
      situation.end(rule);
      run.ended.push({ at: now, rule });
    }
    for (const id of fired) {
      situation.apply(id, effectsOf(trial.rules.get(id)!, situation.nodesOf));
      run.fired.push({ at: now, rule: id });
    }
    if (situation.isBeyond || enough?.(run)) break;
  }
  return run;
}

function seen(demand: ReadonlyMap<string, number>, factors: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...demand].map(([key, value]) => [key, within(key, value * (factors.get(key) ?? 1))]));
}

/** A full metric is no fuller than full. */
function within(key: string, value: number): number {
  const metric = key.slice(key.indexOf(".") + 1);
  return Object.hasOwn(METRICS, metric) ? Math.min(METRICS[metric as Metric].max, value) : value;
}
