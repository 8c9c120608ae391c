import { performance } from "node:perf_hooks";
import type { ActionSchema, ServiceBroker, ServiceSchema } from "moleculer";
import type { PerformanceReport } from "../../models/performance.ts";
import { balanceActions, NodeBalance } from "../balance/node-balance.ts";
import { weightOf } from "../balancer/cost.ts";
import { ejectOutliers } from "../balancer/outliers.ts";
import { cacheActions, cacheReports } from "../cache/node-cache.ts";
import { Admission } from "../concurrency/admission.ts";
import type { Arrivals } from "../concurrency/arrivals.ts";
import type { ConcurrencyLimits } from "../concurrency/concurrency-limits.ts";
import { concurrencyPools } from "../concurrency/concurrency-pools.ts";
import { limitActions } from "../concurrency/limit-actions.ts";
import { flagActions, flagEvents } from "../flags/flags.ts";
import type { LoadModel } from "../load/load-model.ts";
import { poolActions, poolReports, registerPool } from "../pools/node-pools.ts";
import { GcWatch } from "../profiling/gc-watch.ts";
import { profilingActions } from "../profiling/node-profiling.ts";
import { queryActions, queryTimes } from "../queries/node-queries.ts";

export interface NodePerformanceOptions {
  load: LoadModel;
  limits: ConcurrencyLimits;
  arrivals: Arrivals;
  /** What rules have refused at the node's door. @default of its own, which nobody asks */
  admission?: Admission;
  /** Where profiles are kept. */
  dataDir: string;
}

const REPORT_EVERY_MS = 1000;
/** A process that is less busy than this, as a share of its time, keeps nobody waiting in its buffers. */
const IDLE = 0.5;

/** What every node tells of its load once a second, and what can be asked of it and changed on it. */
export function nodePerformance(broker: ServiceBroker, options: NodePerformanceOptions): ServiceSchema {
  const { load, limits, arrivals, dataDir, admission = new Admission() } = options;
  const balance = new NodeBalance({ broker, limits, admission });
  const gc = new GcWatch();
  let timer: NodeJS.Timeout | undefined;
  let seq = 0;
  let cpu = process.cpuUsage();
  let at = load.now();
  let loop = performance.eventLoopUtilization();

  function report(): PerformanceReport {
    const now = load.now();
    const used = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const span = now - at;
    at = now;
    return {
      node: broker.nodeID,
      instanceId: broker.instanceID,
      at: Date.now(),
      seq: seq++,
      span: Math.round(span),
      paths: load.report(weightOf),
      served: limits.report(),
      caches: cacheReports(broker),
      queries: queryTimes(broker),
      pools: poolReports(broker),
      ...gc.take(),
      cpu: used,
      uncounted: load.takeUncounted(),
    };
  }

  function tick(): void {
    const now = performance.eventLoopUtilization();
    if (performance.eventLoopUtilization(now, loop).utilization < IDLE) arrivals.rebase();
    loop = now;
    for (const { action, node, ejections } of ejectOutliers(load.loads(), load.now()))
      broker.logger.warn(`${node} gets no calls of ${action} for a while: it stands out (time ${ejections} in a row)`);
    void broker.emit("node.performance", report());
  }

  return {
    name: "node-performance",
    actions: {
      ...limitActions(limits),
      ...cacheActions(broker),
      ...poolActions(broker),
      ...queryActions(broker),
      ...profilingActions(broker, dataDir),
      ...balanceActions(balance),
      ...flagActions(broker),
    } as Record<string, ActionSchema>,
    events: flagEvents(broker),
    async started() {
      registerPool(broker, concurrencyPools(limits));
      gc.start();
      timer = setInterval(tick, REPORT_EVERY_MS);
      timer.unref();
    },
    async stopped() {
      clearInterval(timer);
      balance.end();
      gc.stop();
    },
  } as ServiceSchema;
}
