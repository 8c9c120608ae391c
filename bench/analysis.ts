/**
 * What the optimizer's analysis takes, of one service and of an organism of 60 with six hours behind it, and what its
 * event loop notices of it: in the thread, and for comparison on the loop itself.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceBroker } from "moleculer";
import type { PathReport, PerformanceReport, ServedReport } from "../models/performance.ts";
import { monotonicClock } from "../runtime/clock.ts";
import { bucketOf } from "../runtime/vitals/histogram.ts";
import { Analyst } from "../services/muscles/performance-optimizer/analysis/analyst.ts";
import { analyzeService } from "../services/muscles/performance-optimizer/analysis/analyze-service.ts";
import { declarationsOf, factsOf, inTurns } from "../services/muscles/performance-optimizer/analysis/facts-of.ts";
import { Measurements } from "../services/muscles/performance-optimizer/measurements/measurements.ts";
import { goal, medians, type Result, round } from "./report.ts";

const SERVICES = 60;
const ACTIONS = 8;
const NODES = 7;
const MINUTES = 360;
/** Seconds of the last minutes that are told one by one, as nodes do. */
const SECONDS = 120;

export async function analysis(rounds = 7): Promise<Result> {
  const clock = { now: 1_000_000_000 };
  const measurements = new Measurements({ now: () => clock.now });
  const seq = new Map<string, number>();
  const tell = (span: number) => {
    for (let node = 0; node < NODES; node++) measurements.take(report(node, span, seq));
    clock.now += span;
  };
  for (let minute = 0; minute < MINUTES; minute++) tell(60_000);
  const taken: number[] = [];
  for (let second = 0; second < SECONDS; second++) {
    const before = performance.now();
    tell(1000);
    taken.push((performance.now() - before) / NODES);
  }

  const broker = new ServiceBroker({ logger: false });
  const declarations = declarationsOf(broker);
  const names = measurements.services.keys();
  const facts = (of: string[]) =>
    factsOf(of, {
      measurements,
      now: clock.now,
      wall: Date.now(),
      declarations,
      loopDelayOf: () => undefined,
      adviceFor: () => [],
    });
  const analyst = new Analyst({ clock: monotonicClock, patience: 60_000 });
  await analyst.analyze(facts(names.slice(0, 1)));

  const runs: Record<string, number[]> = {};
  const note = (side: string, value: number) => {
    runs[side] ??= [];
    runs[side].push(round(value));
  };
  for (let i = 0; i < rounds; i++) {
    note("one service", await timed(() => analyst.analyze(facts([names[i]!]))));
    note("gathering the figures of one", await timed(async () => facts([names[i]!])));
    const inThread = await withDelay(() =>
      timed(async () => {
        for (const some of inTurns(names)) await analyst.analyze(facts(some));
      }),
    );
    note(`${SERVICES} services`, inThread.result);
    note("longest delay of the loop meanwhile", inThread.delay);
    const onLoop = await withDelay(() => timed(async () => facts(names).map(analyzeService)));
    note("longest delay of the loop, had it analysed itself", onLoop.delay);
  }
  note("taking one node's report", taken.sort((a, b) => a - b)[taken.length >> 1]!);
  await analyst.stop();

  const middle = medians(runs);
  const [one, all] = [middle["one service"]!, middle[`${SERVICES} services`]!];
  const delay = middle["longest delay of the loop meanwhile"]!;
  return {
    name: "analysis",
    measures: `analysis in the optimizer's thread, from the question to the answer; ${SERVICES} services of ${ACTIONS} actions on ${NODES} nodes, ${MINUTES} minutes of each, a change in every third`,
    unit: "ms",
    runs,
    medians: middle,
    goals: [
      goal("one service in 100 ms or less (ms)", one, one <= 100),
      goal(`${SERVICES} services in 2 s or less (ms)`, all, all <= 2000),
      goal("off the event loop: it is not held up for more than 50 ms (ms)", delay, delay <= 50),
    ],
    notes: ["The event loop gathers the figures; medians of minutes, slopes and change points are the thread's."],
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

async function withDelay(work: () => Promise<number>): Promise<{ result: number; delay: number }> {
  const watch = monitorEventLoopDelay({ resolution: 1 });
  watch.enable();
  await sleep(20);
  watch.reset();
  // What comes before its first tick is not seen.
  await sleep(5);
  const result = await work();
  await sleep(20);
  watch.disable();
  return { result, delay: watch.max / 1e6 };
}

/** Calls of all services that the node carries; every third service has become slower by half two hours ago. */
function report(node: number, span: number, seqs: Map<string, number>): PerformanceReport {
  const name = `heart-${node + 1}`;
  const seq = (seqs.get(name) ?? 0) + 1;
  seqs.set(name, seq);
  const paths: PathReport[] = [];
  const served: ServedReport[] = [];
  for (let i = node; i < SERVICES; i += NODES) {
    const service = `service-${i}`;
    const slower = i % 3 === 0 && seq > 240 ? 1.5 : 1;
    for (let j = 0; j < ACTIONS; j++) {
      const action = `${service}.action${j}`;
      const buckets = Array.from({ length: 12 }, () => [
        bucketOf(3000 * slower * Math.exp(0.5 * (Math.random() - 0.5))),
        1,
      ]);
      const merged = [...new Map(buckets as [number, number][])].flat();
      const calls = merged.length / 2;
      const sum = calls * 3000 * slower;
      const caller = `service-${(i * 7 + 1) % SERVICES}`;
      paths.push({
        caller,
        service,
        action,
        node: name,
        calls,
        failures: 0,
        refusals: 0,
        sum,
        buckets: merged,
        inFlight: 0,
        latency: 3000,
        weight: 1,
      });
      const refused = { limit: 0, overload: 0, late: 0 };
      served.push({
        service,
        action,
        calls,
        failures: 0,
        sum,
        buckets: merged,
        queued: 0,
        queueSum: 0,
        refused,
        running: 0,
        waiting: 0,
        limit: null,
      });
    }
  }
  return {
    node: name,
    instanceId: "life",
    at: Date.now(),
    seq,
    span,
    paths,
    served,
    caches: [],
    queries: [],
    pools: [],
    gc: { count: 1, sum: 1000, longest: 1000 },
    heapAfterGc: 5e7,
    cpu: { user: span * 300, system: 0 },
    uncounted: 0,
  };
}
