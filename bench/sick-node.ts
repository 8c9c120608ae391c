/** One of ten nodes is slow, or fails fast: what the callers feel of it. */
import { LoadBus } from "./load-bus.ts";
import type { Phase, Side } from "./load-side.ts";
import { add, goal, medians, type Result, round } from "./report.ts";

const NODES = 10;
const RATE = 1000;
const SECONDS = 6;
const SIDES: Record<string, Side> = {
  azora: "azora",
  "moleculer, round robin": "moleculer",
  "moleculer, latency": "latency",
  "moleculer, CPU": "cpu-usage",
};
const CASES = ["healthy", "one slow", "one failing"] as const;
type Case = (typeof CASES)[number];

export async function sickNode(rounds = 3): Promise<Result> {
  const runs: Record<string, number[]> = {};
  const lost: Record<string, number[]> = {};
  for (let at = 0; at < rounds; at++)
    for (const [title, side] of Object.entries(SIDES))
      for (const one of CASES) {
        const phase = await offered(side, one);
        add(runs, `${title}: ${one}`, round(phase.p99));
        const failed = Object.values(phase.failed).reduce((sum, count) => sum + count, 0);
        add(lost, `${title}: ${one}`, (failed / phase.offered) * 100);
      }
  const [p99, failed] = [medians(runs), medians(lost)];
  const ratio = (one: Case) => p99[`azora: ${one}`]! / p99["azora: healthy"]!;
  return {
    name: "sick-node",
    measures: `${RATE} calls/s to ${NODES} nodes over NATS, of which one is 100 times slower than 5 ms, or fails at once`,
    unit: "ms (p99)",
    runs,
    medians: p99,
    goals: [
      goal("p99 with one slow, times healthy, 1.5 or less", ratio("one slow"), ratio("one slow") <= 1.5),
      goal("p99 with one failing, times healthy, 1.5 or less", ratio("one failing"), ratio("one failing") <= 1.5),
      goal(
        "failed calls with one failing, 0.05 % or less (%)",
        failed["azora: one failing"]!,
        failed["azora: one failing"]! <= 0.05,
      ),
    ],
    notes: Object.entries(failed).map(([title, share]) => `${title}: ${round(share)} % of the calls failed`),
  };
}

async function offered(side: Side, one: Case): Promise<Phase> {
  const bus = await LoadBus.start();
  try {
    for (let i = 0; i < NODES; i++) {
      const isSick = i === NODES - 3;
      const ms = isSick && one === "one slow" ? 500 : 5;
      await bus.callee({
        side,
        node: `callee-${i}`,
        work: { kind: "slots", ms, slots: 1000 },
        failing: isSick && one === "one failing",
      });
    }
    const phases = [
      { name: "warm-up", rate: RATE, seconds: 2 },
      { name: one, rate: RATE, seconds: SECONDS },
    ];
    const [warm, phase] = await bus.call({ side, nodes: NODES, timeout: 2000, phases });
    // What failed before anything was known of the node counts too.
    for (const [type, count] of Object.entries(warm!.failed)) phase!.failed[type] = (phase!.failed[type] ?? 0) + count;
    return { ...phase!, offered: warm!.offered + phase!.offered };
  } finally {
    await bus.stop();
  }
}
