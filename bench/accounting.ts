/** What accounting for calls costs a remote call, on both nodes together: with and without it, in processes of their own, in turn. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { goal, medians, type Result } from "./report.ts";

const SIDE = join(import.meta.dirname, "accounting-side.ts");

export async function accounting(rounds = 11): Promise<Result> {
  const runs: Record<string, number[]> = { bare: [], "ids alone": [], accounted: [] };
  for (let i = 0; i < rounds; i++) for (const side of Object.keys(runs)) runs[side]!.push(remoteCall(side));
  const middle = medians(runs);
  const cost = middle["accounted"]! - middle["bare"]!;
  const counting = middle["accounted"]! - middle["ids alone"]!;
  return {
    name: "accounting",
    measures: "processor time of one remote call of an empty action, both nodes in one process",
    unit: "µs",
    runs,
    medians: middle,
    goals: [
      goal("0.5 µs or less per call, both nodes together (µs)", cost, cost <= 0.5),
      goal("0.5 µs or less for counting alone: our ids are cheaper than Moleculer's (µs)", counting, counting <= 0.5),
    ],
  };
}

function remoteCall(side: string): number {
  return Number(execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", SIDE, side]).toString());
}
