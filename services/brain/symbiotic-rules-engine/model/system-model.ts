import { METRICS, type Metric, type System } from "../../../../models/metrics.ts";
import type { Reading, SystemState } from "../../../../models/organism-state.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { confidenceOf, healthOf } from "../harmony/harmony.ts";
import type { SystemInput } from "../harmony/strain.ts";
import { MetricMemory, REMEMBERED_MS } from "./metric-memory.ts";
import type { ServiceStates } from "./service-states.ts";
import { type Figures, SystemFigures } from "./system-figures.ts";
import { UsualLatency } from "./usual-latency.ts";

/** How the services are is told when it changes, and every few seconds anyway; older than this it is not known, ms. */
export const SERVICES_STALE_MS = 15_000;
const METRIC_NAMES = Object.keys(METRICS) as Metric[];
const LATENCIES = ["latencyP50", "latencyP95"] as const;
/** Who tells of a metric; vitals where nothing is said. */
const SOURCES: Partial<Record<Metric, "performance" | "services">> = {
  queueDepth: "performance",
  concurrency: "performance",
  saturation: "performance",
  refusalRate: "performance",
  healthyRatio: "services",
  restarts: "services",
};

export interface SystemTick {
  state: SystemState;
  /** Undefined where there is no such system in this organism. */
  input: SystemInput | undefined;
  /** Share of the nodes that tell of their calls, 0 to 1. */
  told: number;
}

/** One of the seven systems: what is known of it now, what was, and what is usual. */
export class SystemModel {
  readonly figures: SystemFigures;
  readonly #system: System;
  readonly #columns: Columns;
  readonly #numbers: Record<Metric, number>;
  readonly #memory = new MetricMemory();
  readonly #usual = new UsualLatency();
  /** When it last had nodes of which something was to be expected; at first they may be still to come. Monotonic, ms. */
  #nodesAt: number;

  constructor(system: System, columns: Columns, now: number) {
    this.#system = system;
    this.#columns = columns;
    this.figures = new SystemFigures(system);
    this.#nodesAt = now;
    const numbers = METRIC_NAMES.map((metric) => [metric, columns.column(system, metric)!]);
    this.#numbers = Object.fromEntries(numbers) as Record<Metric, number>;
  }

  /** Writes to the columns what was added up to the figures. @param nodes that told something lately */
  tick(services: ServiceStates, nodes: string[], now: number): SystemTick {
    const figures = this.figures.end();
    const isPresent = this.#isPresent(services, figures, now);
    const input: SystemInput = { system: this.#system, metrics: {}, usual: {} };
    const metrics = {} as Record<Metric, Reading>;
    for (const metric of METRIC_NAMES) {
      const source = SOURCES[metric] ?? "vitals";
      const value = isPresent ? figures.values[metric] : undefined;
      if (value === undefined) this.#memory.forget(metric);
      else input.metrics[metric] = this.#memory.take(metric, value, figures.known[source], now);
      this.#columns.set(this.#numbers[metric], value ?? Number.NaN, now - figures.age[source]);
      metrics[metric] = readingOf(this.#columns, this.#numbers[metric], now);
    }
    this.#learnUsual(input, figures, now);
    return {
      input: isPresent ? input : undefined,
      told: isPresent ? figures.known.performance : 1,
      state: {
        system: this.#system,
        nodes,
        metrics,
        own: {},
        present: isPresent,
        health: isPresent ? healthOf(input) : 100,
        confidence: isPresent ? confidenceOf([input]) : 0,
      },
    };
  }

  /** Adds what is known of services, and leaves out what does not apply. */
  #isPresent(services: ServiceStates, { values, known, age }: Figures, now: number): boolean {
    const { hasServices, ratio } = services.healthy(this.#system);
    age.services = now - services.at;
    known.services = age.services <= SERVICES_STALE_MS ? 1 : 0;
    const isExpected = this.figures.expected > 0;
    if (isExpected) this.#nodesAt = now;
    // Programs and guests of another system's node have no vitals, and a system that has had no nodes for long has nothing
    // to be measured.
    const isPlaced = services.placed?.has(this.#system) ?? now - this.#nodesAt <= REMEMBERED_MS;
    if (!isExpected && !isPlaced) for (const metric of METRIC_NAMES) delete values[metric];
    values.restarts = known.services
      ? Math.min(METRICS.restarts.max, services.restarts(this.#system, now))
      : Number.NaN;
    if (!known.services) values.healthyRatio = Number.NaN;
    // Services that are only being started are no reason to doubt.
    else if (!Number.isNaN(ratio)) values.healthyRatio = ratio;
    return isExpected || hasServices;
  }

  #learnUsual(input: SystemInput, { values }: Figures, now: number): void {
    for (const metric of LATENCIES) {
      const latency = this.#usual.of(metric);
      if (latency !== undefined) input.usual![metric] = latency;
      const value = values[metric];
      if (value !== undefined) this.#usual.learn(metric, value, now);
    }
  }
}

export function readingOf(columns: Columns, column: number, now: number): Reading {
  const value = columns.values[column]!;
  return { value: Number.isNaN(value) ? null : value, age: columns.age(column, now) };
}
