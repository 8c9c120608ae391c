import type { ServiceBroker } from "moleculer";
import type { HealingRecord, HealingResult, Rung } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { Order } from "./actions/healing-action.ts";

export type LearningMode = "off" | "shadow" | "on";

/** `seeking`: no orchestrator has answered yet. `passive`: another healer has signed on since. */
export type LinkState = "seeking" | "acting" | "passive";

const TOPOLOGY_FRESH_MS = 1000;
const ANSWER_MS = 5000;
/** What an action may take beyond its own time, for the answer to come back, ms. */
const GRACE_MS = 2000;
/** A passive healer looks so often whether it is the only one that is left. */
const ALONE_AFTER_MS = 10_000;

/** The healer's line to the orchestrator, which carries out what the healer decides. */
export class OrchestratorLink {
  readonly #broker: ServiceBroker;
  readonly #clock: Clock;
  readonly #service: string;
  state: LinkState = "seeking";
  epoch = 0;
  /** Why the orchestrator did not answer last time; nothing where it did. */
  failure: string | undefined;
  #topology: { at: number; value: Topology } | undefined;
  #asking: Promise<Topology> | undefined;
  #passiveSince = 0;

  /** @param service full name of the healer */
  constructor(broker: ServiceBroker, clock: Clock, service: string) {
    this.#broker = broker;
    this.#clock = clock;
    this.#service = service;
  }

  /** To be called now and then: signs on where that is missing. True where it has just been done. */
  async keep(): Promise<boolean> {
    if (this.state === "acting") {
      // Where nothing is to be healed, nothing else would find out that an orchestrator answers again.
      if (this.failure !== undefined) void this.topology().catch(() => {});
      return false;
    }
    if (this.state === "passive") {
      if (this.#clock.now() - this.#passiveSince < ALONE_AFTER_MS) return false;
      this.#passiveSince = this.#clock.now();
      if (this.#others() > 0) return false;
    }
    try {
      const instance = `${this.#broker.nodeID}/${this.#broker.instanceID}`;
      const { epoch } = await this.#call<{ epoch: number }>("enlist", { instance });
      this.epoch = epoch;
      this.state = "acting";
      return true;
    } catch {
      return false;
    }
  }

  /** @throws AzoraError where this healer may not act */
  mustAct(): void {
    if (this.state === "acting") return;
    if (this.state === "passive")
      throw new AzoraError("HEALING_REFUSED", "another healer acts; this one only looks on");
    const why = this.failure ? `: ${this.failure}` : " yet";
    throw new AzoraError("SERVICE_UNAVAILABLE", `the orchestrator does not answer${why}`);
  }

  async topology(): Promise<Topology> {
    const now = this.#clock.now();
    // Also where the clock was set back.
    if (this.#topology && Math.abs(now - this.#topology.at) < TOPOLOGY_FRESH_MS) return this.#topology.value;
    // Many may ask at once; one question is enough for all of them.
    this.#asking ??= this.#askTopology();
    return this.#asking;
  }

  #askTopology(): Promise<Topology> {
    const asking = this.#call<Topology>("topology", {})
      .then((value) => {
        // What was asked before an act tells how it was before.
        if (this.#asking === asking) this.#topology = { at: this.#clock.now(), value };
        return value;
      })
      .finally(() => {
        if (this.#asking === asking) this.#asking = undefined;
      });
    return asking;
  }

  act({ id, action, target, parameters, timeout, reason, by, about }: Order): Promise<HealingResult> {
    const { force, ...rest } = parameters;
    // force means something to a restart; elsewhere the healer has heeded it already.
    const passed = action === "restart" && force !== undefined ? { ...rest, force } : rest;
    const order = {
      id,
      action,
      target,
      parameters: passed,
      timeout,
      reason,
      by,
      failure: about?.failure ?? "none",
      ...about,
    };
    this.#topology = undefined;
    this.#asking = undefined;
    return this.#call("act", { epoch: this.epoch, ...order }, timeout + GRACE_MS);
  }

  record(record: HealingRecord): Promise<void> {
    return this.#call("record", { epoch: this.epoch, record });
  }

  advise(advice: Record<string, Rung>, mode: LearningMode): Promise<void> {
    return this.#call("advise", { epoch: this.epoch, advice, mode });
  }

  history(limit: number, id?: string): Promise<HealingRecord[]> {
    return this.#call("history", { limit, ...(id ? { id } : {}) });
  }

  async #call<T>(action: string, params: object, timeout = ANSWER_MS): Promise<T> {
    try {
      const answer = (await this.#broker.call(`master-orchestrator.${action}`, params, { timeout })) as T;
      this.failure = undefined;
      return answer;
    } catch (error) {
      const { type, message } = error as { type?: string; message: string };
      if (type === "STALE_EPOCH") {
        this.state = "passive";
        this.#passiveSince = this.#clock.now();
      } else if (type === undefined || LOST.has(type)) this.failure = message;
      throw error;
    }
  }

  /** Healers on other nodes that can be called. */
  #others(): number {
    const { registry } = this.#broker as unknown as {
      registry: { getActionEndpoints(name: string): { endpoints: { id: string; isAvailable: boolean }[] } | undefined };
    };
    const { endpoints = [] } = registry.getActionEndpoints(`${this.#service}.execute`) ?? {};
    return endpoints.filter(({ id, isAvailable }) => id !== this.#broker.nodeID && isAvailable).length;
  }
}

const LOST = new Set([
  "SERVICE_NOT_FOUND",
  "SERVICE_NOT_AVAILABLE",
  "SERVICE_UNAVAILABLE",
  "REQUEST_TIMEOUT",
  "OUTCOME_UNKNOWN",
  "CIRCUIT_OPEN",
]);
