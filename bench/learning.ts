/** The same simulated failures, healed on the static ladder, by the learner, and by one who knows the best remedies. */
import { Learner } from "../services/immune/auto-healer/learning/learner.ts";
import { seeded } from "../services/immune/chaos-monkey/random.ts";
import { FakeClock } from "../test/support/fake-clock.ts";
import { type Outcome, simulate, totalTime } from "../test/support/ladder-simulation.ts";
import { goal, median, medians, type Result, round } from "./report.ts";

const FAILURES = 200;
/** Failures between two points of the curve. */
const STEP = 10;
const CHART_WIDTH = 60;

interface Runs {
  plain: Outcome[];
  learned: Outcome[];
  known: Outcome[];
}

export async function learning(seeds = 15): Promise<Result> {
  const all = Array.from({ length: seeds }, (_, seed) => run(seed + 1));
  const seconds = (pick: (runs: Runs) => Outcome[]) => all.map((runs) => round(totalTime(pick(runs)) / 1000));
  const runs = {
    "static ladder": seconds(({ plain }) => plain),
    learner: seconds(({ learned }) => learned),
    "best known": seconds(({ known }) => known),
  };
  const saved = median(all.map(({ plain, learned }) => 100 * (1 - totalTime(learned) / totalTime(plain))));
  const calls = (pick: (runs: Runs) => Outcome[]) =>
    median(all.map((runs) => pick(runs).reduce((sum, { lostCalls }) => sum + lostCalls, 0)));
  const curve = (pick: (runs: Runs) => Outcome[]) => medianCurve(all.map((runs) => regret(pick(runs), runs.known)));
  const series = { "static ladder": curve(({ plain }) => plain), learner: curve(({ learned }) => learned) };
  return {
    name: "learning",
    measures: `time lost by ${FAILURES} simulated failures with three signatures of different best remedies, ${seeds} seeds`,
    unit: "s",
    runs,
    medians: medians(runs),
    goals: [goal("total lost time below the static ladder, at least 40 (%)", saved, saved >= 40)],
    series: { every: STEP, unit: "s of regret against the best known remedy, median of the seeds", ...series },
    notes: [
      `lost calls (median): static ladder ${calls(({ plain }) => plain)}, learner ${calls(({ learned }) => learned)}, best known ${calls(({ known }) => known)}`,
      `regret after each ${STEP} failures, s (# static ladder, o learner):`,
      ...chart(series["static ladder"], series.learner),
    ],
  };
}

function run(seed: number): Runs {
  const clock = new FakeClock();
  const learner = new Learner(clock, seeded(1000 + seed));
  return {
    plain: simulate({ seed, failures: FAILURES, clock: new FakeClock() }),
    learned: simulate({
      seed,
      failures: FAILURES,
      clock,
      observe: (record) => learner.observe(record),
      begin: ({ signature }) => learner.advice()[signature],
    }),
    known: simulate({ seed, failures: FAILURES, clock: new FakeClock(), begin: ({ best }) => best }),
  };
}

/** Time lost beyond the best known, summed up, s. */
function regret(outcomes: readonly Outcome[], known: readonly Outcome[]): number[] {
  let sum = 0;
  const all = outcomes.map(({ time }, i) => {
    sum += (time - known[i]!.time) / 1000;
    return sum;
  });
  return all.filter((_, i) => (i + 1) % STEP === 0);
}

function medianCurve(curves: readonly number[][]): number[] {
  return curves[0]!.map((_, i) => median(curves.map((curve) => curve[i]!)));
}

function chart(plain: readonly number[], learned: readonly number[]): string[] {
  const scale = CHART_WIDTH / Math.max(...plain, ...learned);
  return plain.map((value, i) => {
    const line = Array.from({ length: CHART_WIDTH + 1 }, () => " ");
    line[Math.round(value * scale)] = "#";
    line[Math.round(learned[i]! * scale)] = "o";
    return `${String((i + 1) * STEP).padStart(4)} |${line.join("").trimEnd()}  ${Math.round(learned[i]!)} / ${Math.round(value)}`;
  });
}
