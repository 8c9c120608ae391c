import type { ServiceBroker } from "moleculer";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Columns } from "../../../runtime/rules/columns.ts";
import { SituationSource } from "./alerts/situation-source.ts";
import { OrganismModel } from "./model/organism-model.ts";
import type { Parts } from "./parts.ts";
import { Roster } from "./roster.ts";

export interface SensesOptions {
  broker: ServiceBroker;
  columns: Columns;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall: () => number;
  parts: Parts;
}

export interface ServiceChange {
  name: string;
  node: string;
  incarnation: number;
  event: string;
}

const ANSWER_MS = 5000;
const TOPOLOGY_FRESH_MS = 2000;

/** What the engine hears of the organism, and asks about it: nobody is believed who speaks for another. */
export class Senses {
  readonly model: OrganismModel;
  readonly roster = new Roster();
  readonly situations: SituationSource;
  /** Something has come since this was last set to false. */
  hasNews = true;
  /** When the organism was first seen to be launched, monotonic, ms. */
  launchedAt: number | undefined;
  readonly #options: SensesOptions;
  #topologyAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  /** Something has happened since the look that is under way has begun. */
  #mustLookAgain = false;

  constructor(options: SensesOptions) {
    this.#options = options;
    const { columns, clock, wall } = options;
    this.model = new OrganismModel({ columns, clock, systemOf: this.roster.systemOf, wall });
    this.situations = new SituationSource({ clock });
  }

  /** Who is there, where that was told a moment ago. */
  get topology(): Topology | undefined {
    return this.#options.clock.now() - this.#topologyAt < TOPOLOGY_FRESH_MS ? this.roster.topology : undefined;
  }

  /** Of the orchestrator that was heard last: it grows with each life of it. */
  get epoch(): number | undefined {
    return this.roster.topology?.epoch;
  }

  /** @param from node that has sent it */
  vitals(report: unknown, from?: string): void {
    if (this.#isOfAnother("vitals", report, from)) return;
    this.model.vitals(report);
    this.situations.vitals(report);
    this.hasNews = true;
  }

  /** @param from node that has sent it */
  performance(report: unknown, from?: string): void {
    if (this.#isOfAnother("performance", report, from)) return;
    this.model.performance(report);
    this.situations.performance(report);
    this.hasNews = true;
  }

  /** @param from node that has sent it: a service speaks where it runs */
  own(service: string, metrics: unknown, from?: string): void {
    if (from !== undefined && !this.roster.carries(from, service)) {
      this.model.impostor(from, "own metrics of a service that does not run there");
      return;
    }
    this.model.own(service, metrics);
    this.hasNews = true;
  }

  nodeChanged(node: string, status: string): void {
    if (status === "down") this.model.nodeDown(node);
    if (status === "up") this.model.nodeUp(node);
    this.hasNews = true;
    void this.look();
  }

  serviceChanged({ name, node, incarnation, event }: ServiceChange): void {
    if (event === "started") this.roster.started(name, node, incarnation);
    this.hasNews = true;
    void this.look();
  }

  chainAlarm(alarm: unknown): void {
    this.situations.chainAlarm(alarm);
  }

  /** Takes in who is there. What happens meanwhile is looked at afterwards. */
  look(): Promise<void> {
    if (this.#looking) this.#mustLookAgain = true;
    this.#looking ??= this.#lookUntilQuiet().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Takes in how the chain is. */
  async lookAtChain(): Promise<void> {
    if (!this.roster.runs("blockchain-logger")) return;
    await this.#ask("blockchain-logger.stats").then(
      (stats) => this.situations.chain(stats),
      (error) => this.situations.chain(error),
    );
  }

  async #lookUntilQuiet(): Promise<void> {
    await this.#lookOnce();
    if (!this.#mustLookAgain) return;
    this.#mustLookAgain = false;
    await this.#lookOnce();
  }

  async #lookOnce(): Promise<void> {
    const { clock, parts } = this.#options;
    try {
      const topology = await this.#ask<Topology>("master-orchestrator.topology");
      this.roster.take(topology);
      this.#topologyAt = clock.now();
      this.situations.topology(topology);
      parts.run("model", () => this.model.services(this.roster.services(), this.roster.placed()));
      parts.well("orchestrator");
    } catch (error) {
      this.situations.topology(null);
      parts.failed("orchestrator", error);
    }
    if (this.roster.launched) this.launchedAt ??= clock.now();
  }

  #isOfAnother(kind: string, report: unknown, from: string | undefined): boolean {
    const of = (report as { node?: unknown } | null)?.node;
    if (from === undefined || of === from) return false;
    this.model.impostor(from, `${kind}: of another node`);
    return true;
  }

  #ask<T>(action: string): Promise<T> {
    return this.#options.broker.call(action, {}, { timeout: ANSWER_MS }) as Promise<T>;
  }
}
