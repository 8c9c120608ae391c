/** What load control, vitals and all else that a node carries cost a call. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { LoadBus } from "./load-bus.ts";
import type { Side } from "./load-side.ts";
import { add, goal, medians, type Result, round } from "./report.ts";

const SIDE = join(import.meta.dirname, "call-cost-side.ts");
const CALLERS = 64;
const SECONDS = 4;

export async function callCost(rounds = 5): Promise<Result[]> {
  return [local(rounds), await overNats(rounds)];
}

function local(rounds: number): Result {
  const sides = {
    "bare moleculer": "bare",
    "all of azora's runtime": "azora",
    "moleculer's metrics, breaker, bulkhead, time-out": "moleculer",
  };
  const runs: Record<string, number[]> = {};
  for (let at = 0; at < rounds; at++)
    for (const [title, side] of Object.entries(sides)) {
      const args = ["--disable-warning=ExperimentalWarning", SIDE, side];
      add(runs, title, round(Number(execFileSync(process.execPath, args).toString())));
    }
  const middle = medians(runs);
  const more = middle["all of azora's runtime"]! - middle["bare moleculer"]!;
  return {
    name: "call-cost-local",
    measures: "a local call of an empty action",
    unit: "µs",
    runs,
    medians: middle,
    goals: [goal("more than bare, 1 µs or less (µs)", more, more <= 1)],
  };
}

async function overNats(rounds: number): Promise<Result> {
  const sides: Record<string, Side> = {
    "bare moleculer": "bare",
    "all of azora's runtime": "azora",
    "moleculer's metrics, breaker, bulkhead, time-out": "moleculer",
  };
  const runs: Record<string, number[]> = {};
  const ratios: number[] = [];
  for (let at = 0; at < rounds; at++) {
    for (const [title, side] of Object.entries(sides)) add(runs, title, await callsPerSecond(side));
    ratios.push(runs["all of azora's runtime"]!.at(-1)! / runs["bare moleculer"]!.at(-1)!);
  }
  const kept = medians({ ratios })["ratios"]!;
  return {
    name: "call-cost-nats",
    measures: `calls of an empty action over NATS, ${CALLERS} at once`,
    unit: "calls/s",
    runs,
    medians: medians(runs),
    goals: [goal("of bare throughput, 95 % or more (%; median of the rounds)", kept * 100, kept >= 0.95)],
  };
}

async function callsPerSecond(side: Side): Promise<number> {
  const bus = await LoadBus.start();
  try {
    await bus.callee({ side, node: "callee", work: { kind: "empty" } });
    const phases = [
      { name: "warm-up", callers: CALLERS, seconds: 2 },
      { name: "measured", callers: CALLERS, seconds: SECONDS },
    ];
    const [, measured] = await bus.call({ side, nodes: 1, timeout: 10_000, phases });
    return round(measured!.goodput);
  } finally {
    await bus.stop();
  }
}
