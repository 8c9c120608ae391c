/** What vitals cost a local call: a broker with and one without them, each in a process of its own, in turn. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { goal, medians, type Result } from "./report.ts";

const SIDE = join(import.meta.dirname, "vitals-side.ts");

export async function vitals(rounds = 11): Promise<Result> {
  const runs: Record<string, number[]> = { bare: [], "with vitals": [] };
  for (let i = 0; i < rounds; i++) {
    runs["bare"]!.push(run("bare"));
    runs["with vitals"]!.push(run("measured"));
  }
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

function run(side: string): number {
  return Number(execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", SIDE, side]).toString());
}
