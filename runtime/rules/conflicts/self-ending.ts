import { type LoopRun, runLoop, waitOf } from "./closed-loop.ts";
import { meetingPoint } from "./meeting-point.ts";
import type { RuleFacts } from "./rule-facts.ts";
import { Situation } from "./situation.ts";

/** A rule that was active for less than this has had no time to help. */
const SHORT = 30_000;
const TIMES = 3;
const MARGIN = 5000;

/**
 * Demand at which a rule ends itself: what it holds back while it is active takes the metric through its bound, so it ends,
 * and what it held back is let in again. A clear value beyond what it takes, `keepFor` or `minActive` prevent it.
 */
export function selfEnding({ rule, effects, reads, hasRate }: RuleFacts): ReadonlyMap<string, number> | undefined {
  const held = effects.filter((effect) => effect.held && effect.metrics.some((key) => reads.has(key)));
  if (hasRate || held.length === 0) return undefined;
  const situation = new Situation();
  situation.apply(rule.id, held);
  const { conditions } = rule;
  const demand = meetingPoint([{ conditions }, { conditions, wanted: false, factors: situation.factors() }]);
  if (!demand) return undefined;
  // It is the same loop, only slower, with a longer wait before each firing.
  const quick = { ...rule, for: Math.min(rule.for, SHORT), cooldown: Math.min(rule.cooldown, SHORT) };
  const horizon = (TIMES + 1) * (waitOf(quick) + MARGIN);
  const isLoop = (run: LoopRun) => shortLives(run) >= TIMES;
  return isLoop(runLoop([quick], { demand, horizon, enough: isLoop })) ? demand : undefined;
}

function shortLives({ fired, ended }: LoopRun): number {
  return ended.filter(({ at, rule }) => {
    const begin = fired.findLast((one) => one.rule === rule && one.at < at);
    return begin !== undefined && at - begin.at < SHORT;
  }).length;
}
