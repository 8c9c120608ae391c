import { type EventLoopUtilization, monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { VitalsRegistry } from "./action-vitals.ts";
import { BUCKETS } from "./histogram.ts";

/** What a node measured since its last report. Counts and buckets are increments; the rest is the state now. */
export interface VitalsReport {
  node: string;
  /** ms since the epoch. */
  at: number;
  /** Increases by one with each report of one life of the node. */
  seq: number;
  instanceId: string;
  /** Share of one core, %. */
  cpu: number;
  /** Resident set, bytes. */
  memory: number;
  heapUsed: number;
  /** Event-loop delay since the last report, ms. */
  loopDelay: { p50: number; p99: number; max: number };
  /** Share of time in which the event loop was busy, 0 to 1. */
  utilisation: number;
  /** s */
  uptime: number;
  actions: { name: string; service: string; errors: number; inFlight: number; sum: number; buckets: number[] }[];
}

const RESOLUTION_MS = 20;

/** Collects a node's vitals, report by report. */
export class NodeVitals {
  readonly #node: string;
  readonly #instanceId: string;
  readonly #registry: VitalsRegistry;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #sent = new Map<
    string,
    { errors: number; count: number; sum: number; inFlight: number; counts: Float64Array }
  >();
  #seq = 0;
  #cpu = process.cpuUsage();
  #at = performance.now();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(node: string, instanceId: string, registry: VitalsRegistry) {
    this.#node = node;
    this.#instanceId = instanceId;
    this.#registry = registry;
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  report(): VitalsReport {
    const now = performance.now();
    const cpu = process.cpuUsage(this.#cpu);
    const loop = performance.eventLoopUtilization();
    const memory = process.memoryUsage();
    // The monitor measures the whole interval between its ticks: what is above its resolution is the delay.
    const delay = (nanoseconds: number) => Math.max(0, round(nanoseconds / 1e6 - RESOLUTION_MS));
    const report: VitalsReport = {
      node: this.#node,
      at: Date.now(),
      seq: this.#seq++,
      instanceId: this.#instanceId,
      cpu: round(((cpu.user + cpu.system) / 1000 / Math.max(1, now - this.#at)) * 100),
      memory: memory.rss,
      heapUsed: memory.heapUsed,
      loopDelay: {
        p50: delay(this.#delay.percentile(50)),
        p99: delay(this.#delay.percentile(99)),
        max: delay(this.#delay.max),
      },
      utilisation: round(performance.eventLoopUtilization(loop, this.#loop).utilization),
      uptime: round(process.uptime()),
      actions: this.#actions(),
    };
    this.#cpu = process.cpuUsage();
    this.#at = now;
    this.#loop = loop;
    this.#delay.reset();
    return report;
  }

  #actions(): VitalsReport["actions"] {
    const actions: VitalsReport["actions"] = [];
    for (const [name, vitals] of this.#registry.actions) {
      let sent = this.#sent.get(name);
      if (!sent) {
        sent = { errors: 0, count: 0, sum: 0, inFlight: 0, counts: new Float64Array(BUCKETS) };
        this.#sent.set(name, sent);
      }
      const { errors, inFlight, latency } = vitals;
      const idle = latency.count === sent.count && errors === sent.errors && inFlight === sent.inFlight;
      if (idle) continue;
      // What rounding leaves over goes into the next report.
      const sum = Math.round(latency.sum - sent.sum);
      actions.push({
        name,
        service: vitals.service,
        errors: errors - sent.errors,
        inFlight,
        sum,
        buckets: latency.deltaSince(sent.counts),
      });
      sent.errors = errors;
      sent.count = latency.count;
      sent.sum += sum;
      sent.inFlight = inFlight;
    }
    return actions;
  }
}

function round(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}
