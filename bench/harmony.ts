import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS, type Metric, SYSTEMS, type System } from "../models/metrics.ts";
import { monotonicClock } from "../runtime/clock.ts";
import { Columns } from "../runtime/rules/columns.ts";
import { bucketOf } from "../runtime/vitals/histogram.ts";
import { History } from "../services/brain/symbiotic-rules-engine/history/history.ts";
import { OrganismModel } from "../services/brain/symbiotic-rules-engine/model/organism-model.ts";
import { add, goal, medians, p99s, type Result } from "./report.ts";

const NODES = 50;
const SERVICES = 200;
const ACTIONS = 4;
const SECONDS = 60;

/** What one second costs the engine before its rules: reports of 50 nodes taken in, then state and harmony reckoned. */
export async function harmony(): Promise<Result> {
  const columns = new Columns();
  const organs = new Map(Array.from({ length: SERVICES }, (_, i) => [`service-${i}`, SYSTEMS[i % SYSTEMS.length]!]));
  const clock = { ...monotonicClock, now: () => elapsed };
  let elapsed = 0;
  const model = new OrganismModel({ columns, clock, systemOf: (service) => organs.get(service) });
  const services = [...organs].map(([name, system]) => ({
    name,
    system,
    status: "healthy",
    restarts: { [`${system}-1`]: 0 },
  }));
  const folder = await mkdtemp(join(tmpdir(), "azora-bench-harmony-"));
  const history = new History({ folder, clock });
  await history.open();
  const runs: Record<string, number[]> = {};
  const timed = <T>(what: string, work: () => T): T => {
    const before = performance.now();
    const result = work();
    add(runs, what, performance.now() - before);
    return result;
  };
  let costs = 0;
  // The first seconds are compiled, and not what an engine does all its life.
  for (let second = -20; second < SECONDS; second++) {
    elapsed += 1000;
    const reports = Array.from({ length: NODES }, (_, node) => reportsOf(node, second + 20, organs));
    if (second === 0) for (const what of Object.keys(runs)) delete runs[what];
    timed(`reports of ${NODES} nodes`, () => {
      for (const { vitals, performance } of reports) {
        model.vitals(vitals);
        model.performance(performance);
      }
    });
    timed("all services", () => model.services(services));
    costs = timed("state and harmony", () => model.tick()).explanation.costs.length;
    timed("a row of history", () => history.add(1_700_000_000_000 + second * 1000, columns));
    await new Promise(setImmediate);
  }
  const faults = model.faults();
  await history.close();
  await rm(folder, { recursive: true, force: true });
  if (faults.length > 0) throw new Error(`the reports of the bench are refused: ${JSON.stringify(faults)}`);
  const [middle, high] = [medians(runs), p99s(runs)];
  return {
    name: "harmony",
    measures: `a second of an organism of ${NODES} nodes and ${SERVICES} services with ${ACTIONS} actions each, all of them called`,
    unit: "ms",
    runs,
    medians: middle,
    p99: high,
    goals: [
      goal(
        "state and harmony in 2 ms or less (median, ms)",
        middle["state and harmony"]!,
        middle["state and harmony"]! <= 2,
      ),
    ],
    notes: [
      `${costs} costs are explained each time; ${Object.keys(METRICS as Record<Metric, object>).length} metrics of ${SYSTEMS.length} systems.`,
    ],
  };
}

function reportsOf(number: number, seq: number, organs: ReadonlyMap<string, System>) {
  const node = `${SYSTEMS[number % SYSTEMS.length]}-${number + 1}`;
  const own = [...organs.keys()].filter((_, i) => i % NODES === number);
  const head = { node, instanceId: "life", at: Date.now(), seq };
  const actions = own.flatMap((service) =>
    Array.from({ length: ACTIONS }, (_, i) => ({ name: `${service}.action${i}`, service })),
  );
  const vitals = {
    ...head,
    cpu: 40 + 50 * Math.random(),
    heapUsed: 8e8 + 1e8 * Math.random(),
    heapLimit: 1e9,
    loopDelay: { p50: 2, p99: 300 * Math.random(), max: 400 },
    utilisation: Math.random(),
    uptime: seq + 1,
    actions: actions.map((action) => ({ ...action, errors: 1, faults: 1, inFlight: 1, sum: 1e5, buckets: buckets() })),
  };
  const served = actions.map(({ name, service }) => ({
    service,
    action: name,
    calls: 20,
    sum: 6e4,
    running: 9,
    waiting: 2,
    limit: 10,
    refused: { limit: 1, overload: 0, late: 0 },
  }));
  const paths = actions.map(({ name, service }, i) => ({
    caller: `service-${(number * 7 + i) % SERVICES}`,
    service,
    action: name,
    node,
    calls: 20,
    failures: 1,
    sum: 2e6,
  }));
  return { vitals, performance: { ...head, span: 1000, served, paths } };
}

function buckets(): number[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < 20; i++) {
    const bucket = bucketOf(3000 * Math.exp(2 * (Math.random() - 0.5)));
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return [...counts].flat();
}
