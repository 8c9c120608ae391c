import type { System } from "../../../../models/metrics.ts";
import type { OrganismState } from "../../../../models/organism-state.ts";
import type { PathReport, PerformanceReport, ServedReport } from "../../../../models/performance.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import { bucketOf } from "../../../../runtime/vitals/histogram.ts";
import type { VitalsReport } from "../../../../runtime/vitals/node-vitals.ts";
import {
  OrganismModel,
  type OrganismTick,
} from "../../../../services/brain/symbiotic-rules-engine/model/organism-model.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const GIB = 2 ** 30;

export interface NodeSecond {
  cpu?: number;
  /** 0 to 1 */
  utilisation?: number;
  /** Share of the heap, 0 to 1. */
  heap?: number;
  delay?: number;
  /** Ended calls of the node's service, each of `latency` ms. */
  calls?: number;
  faults?: number;
  latency?: number;
  running?: number;
  waiting?: number;
  limit?: number | null;
  refused?: number;
  /** Time that a call's work takes, ms. */
  work?: number;
  paths?: Partial<PathReport>[];
  vitals?: object;
  performance?: object;
}

/** An organism in which the service `<organ>-service` lives on the nodes of each organ. */
export class ModelBench {
  readonly clock = new FakeClock();
  readonly columns = new Columns();
  wall = Date.parse("2026-01-01T00:00:00Z");
  readonly model: OrganismModel;
  readonly #seqs = new Map<string, number>();
  life = "life-1";

  constructor() {
    this.model = new OrganismModel({
      columns: this.columns,
      clock: this.clock,
      systemOf: (service) => /^([a-z]+)-service$/.exec(service)?.[1] as System | undefined,
      wall: () => this.wall,
    });
  }

  /** One second passes, in which these nodes tell of themselves, and no others. */
  second(nodes: Record<string, NodeSecond>): OrganismTick {
    this.pass(1000);
    for (const [node, second] of Object.entries(nodes)) this.tell(node, second);
    return this.model.tick();
  }

  seconds(count: number, nodes: Record<string, NodeSecond>): OrganismTick {
    let tick = this.second(nodes);
    for (let i = 1; i < count; i++) tick = this.second(nodes);
    return tick;
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.wall += ms;
  }

  tell(node: string, second: NodeSecond = {}): void {
    const seq = (this.#seqs.get(node) ?? -1) + 1;
    this.#seqs.set(node, seq);
    this.model.vitals({ ...this.vitals(node, seq, second), ...second.vitals });
    this.model.performance({ ...this.performance(node, seq, second), ...second.performance });
  }

  vitals(node: string, seq: number, second: NodeSecond = {}): VitalsReport {
    const { cpu = 2, utilisation = 0.02, heap = 0.02, delay = 3, calls = 0, faults = 0, latency = 5 } = second;
    const service = `${node.split("-")[0]}-service`;
    const action = {
      name: `${service}.work`,
      service,
      errors: faults,
      faults,
      inFlight: 0,
      sum: calls * latency * 1000,
    };
    return {
      node,
      at: this.wall,
      seq,
      instanceId: this.life,
      cpu,
      memory: 1e8,
      heapUsed: heap * GIB,
      heapLimit: GIB,
      loopDelay: { p50: delay / 2, p99: delay, max: delay },
      utilisation,
      uptime: seq + 1,
      actions: calls > 0 ? [{ ...action, buckets: [bucketOf(latency * 1000), calls] }] : [],
      breakers: [],
      lost: [],
      calls: { retries: 0, refusedHolds: 0 },
      logLinesLost: 0,
    };
  }

  performance(node: string, seq: number, second: NodeSecond = {}): PerformanceReport {
    const { calls = 0, running = 0, waiting = 0, limit = 10, refused = 0, work = 5, paths = [] } = second;
    const service = `${node.split("-")[0]}-service`;
    const served: ServedReport = {
      service,
      action: `${service}.work`,
      calls,
      failures: 0,
      sum: calls * work * 1000,
      buckets: [],
      queued: 0,
      queueSum: 0,
      refused: { limit: refused, overload: 0, late: 0 },
      running,
      waiting,
      limit,
    };
    const isIdle = calls + running + waiting + refused === 0;
    return {
      node,
      instanceId: this.life,
      at: this.wall,
      seq,
      span: 1000,
      paths: paths as PathReport[],
      served: isIdle ? [] : [served],
      caches: [],
      queries: [],
      pools: [],
      gc: { count: 0, sum: 0, longest: 0 },
      heapAfterGc: 1e7,
      cpu: { user: 0, system: 0 },
      uncounted: 0,
    };
  }
}

/** Calls to a node's service, as their caller saw them. */
export function path(caller: string, node: string, calls: number, latency: number, failures = 0): PathReport {
  const service = `${node.split("-")[0]}-service`;
  const sum = calls * latency * 1000;
  const rest = { refusals: 0, buckets: [], inFlight: 0, latency: latency * 1000, weight: 1 };
  return { caller, service, action: `${service}.work`, node, calls, failures, sum, ...rest };
}

export function metricsOf({ systems }: OrganismState, system: System): Record<string, number | null> {
  const { metrics } = systems.find((one) => one.system === system)!;
  return Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value]));
}
