import { type EventLoopUtilization, monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { BreakerState } from "../../models/healing.ts";
import { droppedLines } from "../logger.ts";
import type { RecorderStats } from "../record/recorder.ts";
import type { VitalsRegistry } from "./action-vitals.ts";
import { BUCKETS } from "./histogram.ts";
import type { LostCalls } from "./lost-calls.ts";
import { Room } from "./room.ts";

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
  /** Most that the heap may grow to, bytes. */
  heapLimit: number;
  /** Open file descriptors and how many may be; 0 is no limit. Absent where it is not known. */
  files?: { open: number; limit: number };
  /** Of the disk under the data folder, bytes. Absent where it is not known. */
  disk?: { free: number; total: number };
  /** Event-loop delay since the last report, ms. */
  loopDelay: { p50: number; p99: number; max: number };
  /** Share of time in which the event loop was busy, 0 to 1. */
  utilisation: number;
  /** s */
  uptime: number;
  actions: {
    name: string;
    service: string;
    errors: number;
    /** Errors that are not the caller's own mistake, and the newest of them. Absent on a node of an older version. */
    faults?: number;
    lastFault?: string;
    inFlight: number;
    sum: number;
    buckets: number[];
    /** It lasts as long as what it waits for. Absent where it does not. */
    isUntimed?: true;
  }[];
  /** Circuit breakers of this node's callers that are not closed. */
  breakers: BreakerState[];
  /** Calls made here that ended without an answer of the service. */
  lost: { service: string; count: number }[];
  /** Calls made here that were tried again, and those that were not held because too many were. */
  calls: { retries: number; refusedHolds: number };
  /** Log lines that could not be written. */
  logLinesLost: number;
  /** What it has recorded for the audit chain since it started. Absent on a node of an older version. */
  record?: RecorderStats;
  /** Spans since it started that its collector took, and that were lost. Absent where no traces are made. */
  traces?: { exported: number; dropped: number };
}

/** What a node's vitals are collected from. */
export interface VitalsSources {
  node: string;
  instanceId: string;
  registry: VitalsRegistry;
  failover?: { retries: number; holds: { refused: number }; lost: LostCalls };
  breakers?: { states(): BreakerState[] };
  record?: { stats(): RecorderStats };
  tracing?: { stats(): { exported: number; dropped: number } };
  /** On whose disk the room is looked at. */
  dataDir?: string;
}

const RESOLUTION_MS = 20;

/** Collects a node's vitals, report by report. */
export class NodeVitals {
  readonly #sources: VitalsSources;
  readonly #room: Room;
  readonly #heapLimit = getHeapStatistics().heap_size_limit;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #sent = new Map<
    string,
    { errors: number; faults: number; count: number; sum: number; inFlight: number; counts: Float64Array }
  >();
  #seq = 0;
  #cpu = process.cpuUsage();
  #at = performance.now();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  readonly #told = { retries: 0, refusedHolds: 0, logLinesLost: 0 };

  constructor(sources: VitalsSources) {
    this.#sources = sources;
    this.#room = new Room(sources.dataDir);
    this.#delay.enable();
    this.#room.start();
  }

  stop(): void {
    this.#delay.disable();
    this.#room.stop();
  }

  report(): VitalsReport {
    const now = performance.now();
    const cpu = process.cpuUsage(this.#cpu);
    const loop = performance.eventLoopUtilization();
    const memory = process.memoryUsage();
    // The monitor measures the whole interval between its ticks: what is above its resolution is the delay.
    const delay = (nanoseconds: number) => Math.max(0, round(nanoseconds / 1e6 - RESOLUTION_MS));
    const report: VitalsReport = {
      node: this.#sources.node,
      at: Date.now(),
      seq: this.#seq++,
      instanceId: this.#sources.instanceId,
      cpu: round(((cpu.user + cpu.system) / 1000 / Math.max(1, now - this.#at)) * 100),
      memory: memory.rss,
      heapUsed: memory.heapUsed,
      heapLimit: this.#heapLimit,
      ...(this.#room.files ? { files: this.#room.files } : {}),
      ...(this.#room.disk ? { disk: this.#room.disk } : {}),
      loopDelay: {
        p50: delay(this.#delay.percentile(50)),
        p99: delay(this.#delay.percentile(99)),
        max: delay(this.#delay.max),
      },
      utilisation: round(performance.eventLoopUtilization(loop, this.#loop).utilization),
      uptime: round(process.uptime()),
      actions: this.#actions(),
      ...(this.#sources.record ? { record: this.#sources.record.stats() } : {}),
      ...this.#traces(),
      ...this.#calls(),
    };
    this.#cpu = process.cpuUsage();
    this.#at = now;
    this.#loop = loop;
    this.#delay.reset();
    return report;
  }

  #traces(): Pick<VitalsReport, "traces"> {
    const { tracing } = this.#sources;
    if (!tracing) return {};
    const { exported, dropped } = tracing.stats();
    return { traces: { exported, dropped } };
  }

  #calls(): Pick<VitalsReport, "breakers" | "lost" | "calls" | "logLinesLost"> {
    const { failover, breakers } = this.#sources;
    const more = (name: "retries" | "refusedHolds" | "logLinesLost", count: number): number => {
      const increment = count - this.#told[name];
      this.#told[name] = count;
      return increment;
    };
    return {
      breakers: breakers?.states() ?? [],
      lost: failover?.lost.take() ?? [],
      calls: {
        retries: more("retries", failover?.retries ?? 0),
        refusedHolds: more("refusedHolds", failover?.holds.refused ?? 0),
      },
      logLinesLost: more("logLinesLost", droppedLines.count),
    };
  }

  #actions(): VitalsReport["actions"] {
    const actions: VitalsReport["actions"] = [];
    for (const [name, vitals] of this.#sources.registry.actions) {
      let sent = this.#sent.get(name);
      if (!sent) {
        sent = { errors: 0, faults: 0, count: 0, sum: 0, inFlight: 0, counts: new Float64Array(BUCKETS) };
        this.#sent.set(name, sent);
      }
      const { errors, faults, lastFault, inFlight, latency } = vitals;
      const idle = latency.count === sent.count && errors === sent.errors && inFlight === sent.inFlight;
      if (idle) continue;
      // What rounding leaves over goes into the next report.
      const sum = Math.round(latency.sum - sent.sum);
      actions.push({
        name,
        service: vitals.service,
        errors: errors - sent.errors,
        faults: faults - sent.faults,
        ...(faults > sent.faults ? { lastFault } : {}),
        inFlight,
        sum,
        buckets: latency.deltaSince(sent.counts),
        ...(vitals.isUntimed ? { isUntimed: true as const } : {}),
      });
      sent.errors = errors;
      sent.faults = faults;
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
