/** What a closed circuit breaker costs a local call, beside the bare call and Moleculer's own breaker, in turn. */
import { localCall } from "./local-call.ts";
import { goal, medians, type Result } from "./report.ts";

export async function breaker(rounds = 11): Promise<Result> {
  const runs: Record<string, number[]> = { bare: [], "azora's breaker": [], "moleculer's breaker": [] };
  for (let i = 0; i < rounds; i++) for (const side of Object.keys(runs)) runs[side]!.push(localCall(side));
  const middle = medians(runs);
  const cost = middle["azora's breaker"]! - middle["bare"]!;
  const theirs = middle["moleculer's breaker"]! - middle["bare"]!;
  return {
    name: "breaker",
    measures: "one local call of an empty action, breakers closed",
    unit: "µs",
    runs,
    medians: middle,
    goals: [
      goal("0.15 µs or less per call (µs)", cost, cost <= 0.15),
      goal("no dearer than Moleculer's, which sees no time-out (µs less)", theirs - cost, cost <= theirs),
    ],
  };
}
