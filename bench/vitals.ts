/** What vitals cost a local call: a broker with and one without them, each in a process of its own, in turn. */
import { localCall } from "./local-call.ts";
import { goal, medians, type Result } from "./report.ts";

export async function vitals(rounds = 11): Promise<Result> {
  const runs: Record<string, number[]> = { bare: [], "with vitals": [] };
  for (let i = 0; i < rounds; i++) for (const side of Object.keys(runs)) runs[side]!.push(localCall(side));
  const middle = medians(runs);
  const cost = middle["with vitals"]! - middle["bare"]!;
  return {
    name: "vitals",
    measures: "one local call of an empty action",
    unit: "µs",
    runs,
    medians: middle,
    goals: [goal("0.3 µs or less per call (µs)", cost, cost <= 0.3)],
  };
}
