/** Three times as many calls as can be answered: what is still answered in time, and how late. */
import { LoadBus } from "./load-bus.ts";
import type { CalleeSide, Phase, Side } from "./load-side.ts";
import { add, goal, medians, type Result, round } from "./report.ts";

interface Workload {
  name: string;
  measures: string;
  work: CalleeSide["work"];
  /** About what one node can answer in a second. */
  capacity: number;
  /** Its sides; those of Moleculer with its best built-in settings. */
  sides: Record<string, Side>;
}

const TIMEOUT_MS = 1000;
const WORKLOADS: Workload[] = [
  {
    name: "overload-of-a-resource",
    measures: "a service that waits 10 ms for one of 16 connections, offered 3 times its capacity over NATS",
    work: { kind: "slots", ms: 10, slots: 16 },
    capacity: 1500,
    sides: {
      azora: "azora",
      "moleculer with breaker and time-out": "moleculer",
      "moleculer, bulkhead set by hand": "bulkhead",
    },
  },
  {
    name: "overload-of-the-loop",
    measures: "a service that computes for 5 ms, offered 3 times its capacity over NATS",
    work: { kind: "loop", ms: 5 },
    capacity: 190,
    sides: {
      azora: "azora",
      "moleculer with breaker and time-out": "moleculer",
      "moleculer, bulkhead set by hand": "bulkhead",
    },
  },
];

export async function overload(rounds = 3): Promise<Result[]> {
  const results: Result[] = [];
  for (const workload of WORKLOADS) results.push(await one(workload, rounds));
  return results;
}

async function one({ name, measures, work, capacity, sides }: Workload, rounds: number): Promise<Result> {
  const runs: Record<string, number[]> = {};
  const share: Record<string, number[]> = {};
  const slower: Record<string, number[]> = {};
  const notes: string[] = [];
  for (let at = 0; at < rounds; at++)
    for (const [title, side] of Object.entries(sides)) {
      const { unloaded, peak, overloaded } = await offered(side, work, capacity);
      add(runs, `${title}: at capacity`, round(peak.goodput));
      add(runs, `${title}: at 3 times capacity`, round(overloaded.goodput));
      add(share, title, overloaded.goodput / peak.goodput);
      add(slower, title, overloaded.p99 / unloaded.p99);
      if (at === rounds - 1)
        notes.push(
          `${title}, last round: p99 unloaded ${round(unloaded.p99)} ms, under overload ${round(overloaded.p99)} ms; refused or failed ${JSON.stringify(overloaded.failed)}`,
        );
    }
  const [kept, late] = [medians(share), medians(slower)];
  for (const title of Object.keys(sides))
    notes.push(
      `${title}: goodput ${round(kept[title]! * 100)} % of its peak, p99 of what is answered ${round(late[title]!)} times the unloaded one`,
    );
  return {
    name,
    measures,
    unit: "answers in time per s",
    runs,
    medians: medians(runs),
    goals: [
      goal("goodput of its peak, 90 % or more (%)", kept["azora"]! * 100, kept["azora"]! >= 0.9),
      goal("p99 of what is answered, times the unloaded one, under 2", late["azora"]!, late["azora"]! < 2),
    ],
    notes,
  };
}

async function offered(
  side: Side,
  work: CalleeSide["work"],
  capacity: number,
): Promise<Record<"unloaded" | "peak" | "overloaded", Phase>> {
  const bus = await LoadBus.start();
  try {
    await bus.callee({ side, node: "callee", work });
    const [, unloaded, peak, , overloaded] = await bus.call({
      side,
      nodes: 1,
      timeout: TIMEOUT_MS,
      phases: [
        { name: "warm-up", rate: capacity * 0.2, seconds: 1 },
        { name: "unloaded", rate: capacity * 0.2, seconds: 5 },
        { name: "at capacity", rate: capacity, seconds: 5 },
        // It takes a second until a standing queue is told from a burst.
        { name: "overload begins", rate: capacity * 3, seconds: 2 },
        { name: "overload", rate: capacity * 3, seconds: 8 },
      ],
    });
    return { unloaded: unloaded!, peak: peak!, overloaded: overloaded! };
  } finally {
    await bus.stop();
  }
}
