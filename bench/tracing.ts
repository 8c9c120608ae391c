/** What tracing costs a local call: sides in processes of their own, in turn. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { goal, medians, type Result } from "./report.ts";

const SIDE = join(import.meta.dirname, "tracing-side.ts");
const SIDES = ["bare", "azora, unsampled", "azora, 1 %", "moleculer's tracing, 1 %", "azora, all"];

export async function tracing(rounds = 7): Promise<Result> {
  const runs: Record<string, number[]> = Object.fromEntries(SIDES.map((side) => [side, []]));
  for (let i = 0; i < rounds; i++)
    for (const side of SIDES) {
      const args = ["--disable-warning=ExperimentalWarning", SIDE, side];
      runs[side]!.push(Number(execFileSync(process.execPath, args).toString()));
    }
  const middle = medians(runs);
  const cost = middle["azora, unsampled"]! - middle["bare"]!;
  return {
    name: "tracing",
    measures: "one local call of an empty action",
    unit: "µs",
    runs,
    medians: middle,
    goals: [goal("an unsampled call costs 0.2 µs at most (µs)", cost, cost <= 0.2)],
    notes: ["without an endpoint the middleware is not there: that is the bare side"],
  };
}
