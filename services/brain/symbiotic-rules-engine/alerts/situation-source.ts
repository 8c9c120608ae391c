import type { OrganismState } from "../../../../models/organism-state.ts";
import type { PerformanceReport } from "../../../../models/performance.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { VitalsReport } from "../../../../runtime/vitals/node-vitals.ts";
import { RecentRestarts } from "./recent-restarts.ts";
import type { ChainFacts, NodeFacts, Situation } from "./situation.ts";

/** Nodes report once a second; what is older is not known any more, ms. */
const FRESH_MS = 5000;
/** Who is there, and how the chain is, is asked less often, ms. */
const ASKED_FRESH_MS = 15_000;
/** A gap in the chain does not close: it is an alert for so long after it was found, ms. */
const GAP_TOLD_MS = 3_600_000;
const MOST_NODES = 1000;

/** The log contradicts itself, its keys or a witness. */
const BROKEN = ["CHAIN_ROLLED_BACK", "CHAIN_CORRUPT"];

/** Memory is told apart; those who "wait" for the bus wait for the answer to their call. */
const NO_PLACES = ["memory", "bus"];
/** A service that is restarted to see whether that works does not flap. */
const SELF_TEST = "self-test";

interface NodeTold {
  vitals?: { at: number; report: VitalsReport };
  places?: { at: number; of: NonNullable<NodeFacts["places"]> };
}

/** Gathers what alerts are judged by. What is too old is not known; who should be there is said by the topology alone. */
export class SituationSource {
  readonly #clock: Clock;
  readonly #nodes = new Map<string, NodeTold>();
  readonly #restarts = new RecentRestarts();
  #topology: { at: number; of: Topology } | undefined;
  #chain: { at: number; of: Omit<ChainFacts, "gaps"> } | undefined;
  #gaps: { at: number; why: string }[] = [];

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  vitals(report: unknown): void {
    const told = report as VitalsReport | null;
    const node = this.#node(told?.node);
    if (node) node.vitals = { at: this.#clock.now(), report: told! };
  }

  performance(report: unknown): void {
    const told = report as PerformanceReport | null;
    const node = this.#node(told?.node);
    if (!node || !Array.isArray(told!.pools)) return;
    const of = told!.pools
      .filter(
        (pool) => !NO_PLACES.includes(pool?.kind) && [pool?.inUse, pool?.max, pool?.waiting].every(Number.isFinite),
      )
      .map(({ name, inUse, max, waiting }) => ({ name: String(name), inUse, max, waiting }));
    node.places = { at: this.#clock.now(), of };
  }

  /** @param topology null where the orchestrator does not answer: what it said last counts for some seconds */
  topology(topology: Topology | null): void {
    if (!topology) return;
    const now = this.#clock.now();
    this.#topology = { at: now, of: topology };
    this.#restarts.look(topology.services, now);
    const there = new Set(topology.nodes.map(({ id }) => id));
    for (const node of this.#nodes.keys()) if (!there.has(node)) this.#nodes.delete(node);
  }

  /** @param stats what `blockchain-logger.stats` answers, or the error with which it fails */
  chain(stats: unknown): void {
    const { alarms, type, message } = (stats ?? {}) as Partial<ChainStats & { type: string; message: string }>;
    const isBroken = (codes: string[]) => codes.some((code) => BROKEN.includes(code));
    const at = this.#clock.now();
    if (Array.isArray(alarms)) this.#chain = { at, of: { alarms, intact: !isBroken(alarms.map(({ code }) => code)) } };
    else if (type?.startsWith("CHAIN_")) {
      const intact = isBroken([type]) ? false : null;
      this.#chain = { at, of: { alarms: [{ code: type, why: message ?? type }], intact } };
    }
  }

  /** The event `chain.alarm`: a gap that the accounts have found is told only there. */
  chainAlarm(alarm: unknown): void {
    const { code, why } = (alarm ?? {}) as { code?: string; why?: string };
    if (code === "CHAIN_INCOMPLETE")
      this.#gaps = [...this.#gaps.slice(-99), { at: this.#clock.now(), why: String(why) }];
  }

  situation(state: OrganismState | null, now = this.#clock.now()): Situation {
    const topology = this.#topology && now - this.#topology.at <= ASKED_FRESH_MS ? this.#topology.of : undefined;
    const chain =
      this.#chain && now - this.#chain.at <= ASKED_FRESH_MS ? this.#chain.of : { intact: null, alarms: null };
    this.#gaps = this.#gaps.filter(({ at }) => now - at < GAP_TOLD_MS);
    return {
      launching: topology ? !topology.launched : false,
      state,
      services:
        topology?.services.map(({ name, organ, status, priority, why, capabilities }) => ({
          name,
          system: organ,
          status,
          priority,
          why,
          restarts: capabilities?.includes(SELF_TEST) ? null : this.#restarts.of(name),
        })) ?? null,
      nodes: topology?.nodes.map((node) => this.#facts(node, now)) ?? null,
      chain: { ...chain, gaps: this.#gaps.map(({ why }) => why) },
    };
  }

  #facts({ id, organ, status }: Topology["nodes"][number], now: number): NodeFacts {
    const told = this.#nodes.get(id);
    const vitals = told?.vitals && now - told.vitals.at <= FRESH_MS ? told.vitals.report : undefined;
    const places = told?.places && now - told.places.at <= FRESH_MS ? told.places.of : null;
    const heap = vitals ? { used: vitals.heapUsed, limit: vitals.heapLimit } : null;
    return { node: id, system: organ, status, heap, files: vitals?.files ?? null, disk: vitals?.disk ?? null, places };
  }

  #node(id: unknown): NodeTold | undefined {
    if (typeof id !== "string") return undefined;
    const known = this.#nodes.get(id);
    if (known || this.#nodes.size >= MOST_NODES) return known;
    const node: NodeTold = {};
    this.#nodes.set(id, node);
    return node;
  }
}

interface ChainStats {
  alarms: { code: string; why: string }[];
}
