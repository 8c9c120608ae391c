import type { Topology } from "../../../models/topology.ts";
import { beyond, damageOf } from "./blast-radius.ts";
import type { BlastRadius, StopSpec } from "./experiment.ts";
import type { Target } from "./target.ts";

/** Without a look at the organism for so long a run is stopped, ms. */
export const BLIND_LIMIT_MS = 20_000;

/** Time that a new orchestrator is given to take over what runs, ms. */
const TAKEOVER_MS = 2000;

export interface GuardOptions {
  before: Topology;
  target: Target;
  radius: BlastRadius;
  stop: readonly StopSpec[];
  /** Now, ms. */
  since: number;
}

/** The outage guard: it looks on while a fault is there, and says when it must end at once. */
export class Guard {
  readonly #options: GuardOptions;
  #seen: number;
  #epoch: number;
  #epochSince = 0;
  #criticalSince: number | undefined;
  #illSince: number | undefined;
  /** Most services besides the target that were ill at one look. */
  mostIll = 0;
  readonly illServices = new Set<string>();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#seen = options.since;
    this.#epoch = options.before.epoch;
  }

  /**
   * @param topology nothing where it could not be had
   * @param callsFailed so far in this run
   * @returns why the run must stop
   */
  look(topology: Topology | undefined, callsFailed: number, now: number): string | undefined {
    const { before, target, radius } = this.#options;
    if (!topology || this.#isTakingOver(topology, now)) {
      if (now - this.#seen < BLIND_LIMIT_MS) return this.#condition(callsFailed, now);
      return `the organism could not be looked at for ${BLIND_LIMIT_MS / 1000} s`;
    }
    this.#seen = now;
    const critical = topology.status === "critical";
    this.#criticalSince = critical ? (this.#criticalSince ?? now) : undefined;
    this.#illSince = topology.status === "healthy" ? undefined : (this.#illSince ?? now);
    const damage = damageOf(before, topology, target, radius);
    this.mostIll = Math.max(this.mostIll, damage.services.length);
    for (const name of damage.services) this.illServices.add(name);
    return beyond(damage, radius) ?? this.#condition(callsFailed, now);
  }

  /** A new orchestrator knows little before it has heard of what runs, and calls it ill. */
  #isTakingOver({ epoch, launched }: Topology, now: number): boolean {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#epochSince = now;
    }
    return !launched || (epoch !== this.#options.before.epoch && now - this.#epochSince < TAKEOVER_MS);
  }

  #condition(callsFailed: number, now: number): string | undefined {
    for (const stop of this.#options.stop) {
      if (stop.kind === "calls-failed" && callsFailed > stop.more)
        return `${callsFailed} calls have failed, and ${stop.more} may`;
      if (stop.kind === "calls-failed") continue;
      const isCritical = stop.kind === "status-critical-for";
      const since = isCritical ? this.#criticalSince : this.#illSince;
      if (since !== undefined && now - since >= stop.ms)
        return `the organism has been ${isCritical ? "critical" : "not healthy"} for ${stop.ms} ms`;
    }
    return undefined;
  }
}
