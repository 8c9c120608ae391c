/** What recording for the audit chain costs the event loop of a node that emits: with capture and without, in turn. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goal, medians, type Result, round } from "./report.ts";

const SIDE = join(import.meta.dirname, "record-side.ts");
const RATES = [200, 2000, 10_000];
const EVENTS = { "not captured": "order.placed", "best effort": "page.seen", durable: "user.seen" };

export async function record(rounds = 3): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
  const chain = spawn(process.execPath, [SIDE, "chain", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const runs: Record<string, number[]> = {};
  try {
    await new Promise((ready) => chain.stdout.once("data", ready));
    for (let i = 0; i < rounds; i++)
      for (const rate of RATES)
        for (const [side, event] of Object.entries(EVENTS)) {
          const out = execFileSync(process.execPath, [SIDE, event, folder, String(rate)], { encoding: "utf8" });
          const name = `${side}, ${rate} a second`;
          runs[name] ??= [];
          runs[name].push(round(Number(out)));
        }
  } finally {
    chain.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
  const middle = medians(runs);
  const cost = (side: string, rate: number) =>
    middle[`${side}, ${rate} a second`]! - middle[`not captured, ${rate} a second`]!;
  return {
    name: "record",
    measures: "time of the emitting node's event-loop thread for each event, its delivery to the chain included",
    unit: "µs",
    runs,
    medians: middle,
    goals: RATES.flatMap((rate) =>
      ["durable", "best effort"].map((side) => {
        const value = cost(side, rate);
        return goal(`20 µs or less for a ${side} event at ${rate} a second (µs)`, value, value <= 20);
      }),
    ),
    notes: [
      "Where events come one by one, each has a sync, a call and a wake-up of the event loop to itself or nearly so.",
      "Thread time leaves out what other processes of the machine take; it counts the system calls of waiting, on both sides.",
    ],
  };
}
