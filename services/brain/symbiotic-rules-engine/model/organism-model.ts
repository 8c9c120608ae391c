import {
  type HarmonyExplanation,
  METRICS,
  type Metric,
  ORGANISM,
  type ORGANISM_METRICS,
  type OrganismState,
  type Reading,
  SYSTEMS,
  type System,
  type SystemState,
} from "../../../../models/symbiosis.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { confidenceOf, explain, healthOf } from "../harmony/harmony.ts";
import type { SystemInput } from "../harmony/strain.ts";
import { FaultLog } from "./fault-log.ts";
import { FlowTable } from "./flow-table.ts";
import { MetricMemory } from "./metric-memory.ts";
import { OrganismNodes } from "./organism-nodes.ts";
import { OwnMetrics } from "./own-metrics.ts";
import { ServiceStates } from "./service-states.ts";
import { type Figures, SystemFigures } from "./system-figures.ts";
import { UsualLatency } from "./usual-latency.ts";

/** What is older than this is not known, ms: three reports have failed to come. */
export const STALE_MS = 3500;
/** How the services are is told when it changes, and every few seconds anyway. */
export const SERVICES_STALE_MS = 15_000;
const METRIC_NAMES = Object.keys(METRICS) as Metric[];
const FROM_PERFORMANCE: readonly Metric[] = ["queueDepth", "concurrency", "saturation"];
const FROM_SERVICES: readonly Metric[] = ["healthyRatio", "restarts"];

export interface OrganismModelOptions {
  columns: Columns;
  /** Monotonic. */
  clock: Clock;
  /** Of a service, and of a node (then the service is "") whose id does not begin with its organ. */
  systemOf(service: string, node: string): System | undefined;
  /** ms since the epoch, for what is shown. @default Date.now */
  wall?: () => number;
}

interface SystemModel {
  figures: SystemFigures;
  memory: MetricMemory;
  usual: UsualLatency;
  columns: Record<Metric, number>;
}

export type OrganismTick = OrganismState & { explanation: HarmonyExplanation };

/** The organism as seven systems. Is told whatever comes, and reckons what is known of now. */
export class OrganismModel {
  readonly #columns: Columns;
  readonly #clock: Clock;
  readonly #systemOf: OrganismModelOptions["systemOf"];
  readonly #wall: () => number;
  readonly #faults = new FaultLog();
  readonly #nodes: OrganismNodes;
  readonly #services = new ServiceStates();
  readonly #own = new OwnMetrics();
  readonly #flows = new FlowTable();
  readonly #systems: Record<System, SystemModel>;
  readonly #organism: Record<keyof typeof ORGANISM_METRICS, number>;

  constructor({ columns, clock, systemOf, wall = () => Date.now() }: OrganismModelOptions) {
    this.#columns = columns;
    this.#clock = clock;
    this.#systemOf = systemOf;
    this.#wall = wall;
    this.#nodes = new OrganismNodes({
      now: () => clock.now(),
      wall,
      systemOf,
      faults: this.#faults,
      restarted: (system) => this.#services.restarted(system, clock.now()),
    });
    const numbers = <T extends string>(system: System | typeof ORGANISM, names: readonly T[]) =>
      Object.fromEntries(names.map((name) => [name, columns.column(system, name)!])) as Record<T, number>;
    this.#systems = Object.fromEntries(
      SYSTEMS.map((system) => [
        system,
        {
          figures: new SystemFigures(system),
          memory: new MetricMemory(),
          usual: new UsualLatency(),
          columns: numbers(system, METRIC_NAMES),
        },
      ]),
    ) as Record<System, SystemModel>;
    this.#organism = numbers(ORGANISM, ["harmony", "confidence"]);
  }

  /** Takes the event `node.vitals`, whatever it holds. */
  vitals(report: unknown): void {
    this.#nodes.vitals(report);
  }

  /** Takes the event `node.performance`, whatever it holds. */
  performance(report: unknown): void {
    this.#nodes.performance(report);
  }

  /** What a service publishes of itself: names and numbers. */
  own(service: string, metrics: unknown): void {
    const system = this.#systemOf(service, "");
    if (!SYSTEMS.includes(system as System)) this.#faults.note(service, "own metrics of an unknown service");
    else this.#own.take(service, system!, metrics, this.#clock.now(), this.#faults);
  }

  /** All services, each time; at least every 15 s, else it is not known how they are. @param list restarts: in all */
  services(list: { name: string; system: string; status: string; restarts: number }[]): void {
    this.#services.take(list, this.#clock.now(), this.#faults);
  }

  nodeDown(node: string): void {
    this.#nodes.down(node);
  }

  /** Reckons everything anew and writes it to the columns. To be called as often as one likes. */
  tick(): OrganismTick {
    const now = this.#clock.now();
    const nodes = this.#addUp(now);
    const servicesAge = now - this.#services.at;
    const inputs: SystemInput[] = [];
    const states: SystemState[] = [];
    const shares = new Map<System, number>();
    for (const system of SYSTEMS) {
      const { figures, memory, usual, columns } = this.#systems[system];
      const figuresNow = figures.end();
      const present = this.#addServices(system, figuresNow, servicesAge, nodes[system].length > 0);
      if (present) shares.set(system, figuresNow.known.performance);
      const input: SystemInput = { system, metrics: {}, usual: {} };
      const metrics = {} as Record<Metric, Reading>;
      for (const metric of METRIC_NAMES) {
        const value = present ? figuresNow.values[metric] : undefined;
        const age = this.#ageOf(metric, figuresNow, servicesAge);
        const share = FROM_SERVICES.includes(metric) ? 1 : figuresNow.known[sourceOf(metric)];
        if (value === undefined) memory.forget(metric);
        else input.metrics[metric] = memory.take(metric, value, share, now);
        this.#columns.set(columns[metric], value ?? Number.NaN, now - age);
        metrics[metric] = this.#reading(columns[metric], now);
      }
      for (const metric of ["latencyP50", "latencyP95"] as const) {
        const latency = usual.of(metric);
        if (latency !== undefined) input.usual![metric] = latency;
        const value = figuresNow.values[metric];
        if (value !== undefined) usual.learn(metric, value, now);
      }
      if (present) inputs.push(input);
      const health = present ? healthOf(input) : 100;
      const confidence = present ? confidenceOf([input]) : 0;
      states.push({ system, nodes: nodes[system], metrics, own: {}, health, confidence });
    }
    this.#addOwn(states, now);
    const flows = this.#flows.flows();
    const known = (from: System) => shares.get(from) ?? 1;
    const explanation = explain(inputs, this.#flows.remembered(flows, known, now));
    const { score, confidence, health, balance, flow } = explanation;
    this.#columns.set(this.#organism.harmony, confidence > 0 ? score : Number.NaN, now);
    this.#columns.set(this.#organism.confidence, confidence, now);
    const harmony = { score, confidence, health, balance, flow };
    return { at: new Date(this.#wall()).toISOString(), systems: states, flows, harmony, explanation };
  }

  /** What was absurd, late or too much, by whom; the most frequent first. */
  faults(): { node: string; what: string; count: number }[] {
    return this.#faults.list();
  }

  /** @returns ids of the nodes that told something lately */
  #addUp(now: number): Record<System, string[]> {
    const nodes = Object.fromEntries(SYSTEMS.map((system) => [system, [] as string[]])) as Record<System, string[]>;
    for (const { figures } of Object.values(this.#systems)) figures.begin();
    this.#flows.begin();
    for (const { id, system, vitals, performance } of this.#nodes.all()) {
      const { figures } = this.#systems[system];
      figures.expect();
      const [vitalsAge, performanceAge] = [now - vitals.at, now - performance.at];
      if (vitalsAge <= STALE_MS) {
        figures.addVitals(vitals, vitalsAge);
        for (const of of vitals.calls.keys()) this.#systems[of].figures.addCalls(vitals);
        nodes[system].push(id);
      }
      if (performanceAge > STALE_MS || Number.isNaN(performanceAge)) continue;
      figures.addPerformance(performanceAge);
      for (const places of performance.places) this.#systems[places.system].figures.addPlaces(places);
      performance.addServed((of, calls, refused) => this.#systems[of].figures.addServed(calls, refused));
      performance.addFlows((flow, span) => this.#flows.add(flow, span));
    }
    return nodes;
  }

  /** @returns whether there is such a system in this organism */
  #addServices(system: System, { values }: Figures, age: number, hasNodes: boolean): boolean {
    const { hasServices, ratio } = this.#services.healthy(system);
    const isFresh = age <= SERVICES_STALE_MS;
    const isExpected = hasNodes || this.#systems[system].figures.expected > 0;
    if (hasServices || !isFresh) values.healthyRatio = isFresh ? ratio : Number.NaN;
    // Services that are only being started are no reason to doubt.
    if (isFresh && Number.isNaN(values.healthyRatio)) delete values.healthyRatio;
    values.restarts = isFresh
      ? Math.min(METRICS.restarts.max, this.#services.restarts(system, this.#clock.now()))
      : Number.NaN;
    return isExpected || hasServices;
  }

  #ageOf(metric: Metric, { age }: Figures, servicesAge: number): number {
    return FROM_SERVICES.includes(metric) ? servicesAge : age[sourceOf(metric)];
  }

  #reading(column: number, now: number): Reading {
    const value = this.#columns.values[column]!;
    return { value: Number.isNaN(value) ? null : value, age: this.#columns.age(column, now) };
  }

  #addOwn(states: SystemState[], now: number): void {
    for (const { system, metric, value, at, staleAfter } of this.#own.all(now)) {
      const column = this.#columns.column(system, metric);
      if (column === undefined) {
        this.#faults.note(metric, "no more columns");
        continue;
      }
      this.#columns.set(column, now - at <= staleAfter ? value : Number.NaN, at);
      states.find((state) => state.system === system)!.own[metric] = this.#reading(column, now);
    }
  }
}

function sourceOf(metric: Metric): "vitals" | "performance" {
  return FROM_PERFORMANCE.includes(metric) ? "performance" : "vitals";
}
