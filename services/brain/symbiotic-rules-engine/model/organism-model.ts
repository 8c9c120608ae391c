import { ORGANISM, type ORGANISM_METRICS, SYSTEMS, type System } from "../../../../models/metrics.ts";
import type { HarmonyExplanation, OrganismState, SystemState } from "../../../../models/organism-state.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { Columns } from "../../../../runtime/rules/columns.ts";
import { explain } from "../harmony/harmony.ts";
import { FaultLog } from "./fault-log.ts";
import { FlowTable } from "./flow-table.ts";
import { OrganismNodes } from "./organism-nodes.ts";
import { OwnMetrics } from "./own-metrics.ts";
import { ServiceStates } from "./service-states.ts";
import { readingOf, SystemModel } from "./system-model.ts";

/** What is older than this is not known, ms: three reports have failed to come. */
export const STALE_MS = 3500;

export interface OrganismModelOptions {
  columns: Columns;
  /** Monotonic. */
  clock: Clock;
  /** Of a service, and of a node (then the service is "") whose id does not begin with its organ. */
  systemOf(service: string, node: string): System | undefined;
  /** ms since the epoch, for what is shown. @default Date.now */
  wall?: () => number;
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
      restarted: (system, node) => this.#services.restarted(system, node, clock.now()),
    });
    this.#systems = Object.fromEntries(
      SYSTEMS.map((system) => [system, new SystemModel(system, columns, clock.now())]),
    ) as Record<System, SystemModel>;
    this.#organism = {
      harmony: columns.column(ORGANISM, "harmony")!,
      confidence: columns.column(ORGANISM, "confidence")!,
    };
  }

  /** Takes the event `node.vitals`, whatever it holds. */
  vitals(report: unknown): void {
    this.#nodes.vitals(report);
  }

  /** Takes the event `node.performance`, whatever it holds. */
  performance(report: unknown): void {
    this.#nodes.performance(report);
  }

  /** Somebody has said something of another one. Nothing of it is taken. */
  impostor(node: string, what: string): void {
    this.#faults.note(node, what);
  }

  /** What a service publishes of itself: names and numbers. */
  own(service: string, metrics: unknown): void {
    const system = this.#systemOf(service, "");
    if (!SYSTEMS.includes(system as System)) this.#faults.note(service, "own metrics of an unknown service");
    else this.#own.take(service, system!, metrics, this.#clock.now(), this.#faults);
  }

  /**
   * All services, each time; at least every 15 s, else it is not known how they are.
   * @param list restarts: of each instance, by its node, in all
   * @param placed systems that are to have nodes of their own. @default that is not known
   */
  services(
    list: { name: string; system: string; status: string; restarts: Readonly<Record<string, number>> }[],
    placed?: ReadonlySet<System>,
  ): void {
    this.#services.take(list, this.#clock.now(), this.#faults);
    this.#services.placed = placed;
  }

  nodeUp(node: string): void {
    this.#nodes.up(node);
  }

  nodeDown(node: string): void {
    this.#nodes.down(node);
  }

  /** Reckons everything anew and writes it to the columns. To be called as often as one likes. */
  tick(): OrganismTick {
    const now = this.#clock.now();
    const nodes = this.#addUp(now);
    const ticks = SYSTEMS.map((system) => this.#systems[system].tick(this.#services, nodes[system], now));
    const states = ticks.map(({ state }) => state);
    const inputs = ticks.flatMap(({ input }) => input ?? []);
    this.#addOwn(states, now);
    const flows = this.#flows.flows();
    const told = Object.fromEntries(ticks.map(({ state, told }) => [state.system, told])) as Record<System, number>;
    const explanation = explain(inputs, this.#flows.remembered(flows, told, now));
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

  #addOwn(states: SystemState[], now: number): void {
    for (const { system, metric, value, at, staleAfter } of this.#own.all(now)) {
      const column = this.#columns.column(system, metric);
      if (column === undefined) {
        this.#faults.note(metric, "no more columns");
        continue;
      }
      this.#columns.set(column, now - at <= staleAfter ? value : Number.NaN, at);
      states.find((state) => state.system === system)!.own[metric] = readingOf(this.#columns, column, now);
    }
  }
}
