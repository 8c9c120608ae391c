import type { Closure } from "../../../../models/healing.ts";
import { restartKey } from "../instance-outcomes.ts";
import type { KeeperContext } from "../keeper-context.ts";
import type { ServiceState } from "../organism-state.ts";

/** A node that was away meanwhile hears of the closures within this time, ms. */
const TELL_EVERY_MS = 5000;

/** Tells all nodes which services take no calls, so that callers need not wait to find out. */
export class Closures {
  readonly #context: KeeperContext;
  readonly #epoch: () => number;
  #told = "[]";
  #seq = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: KeeperContext, epoch: () => number) {
    this.#context = context;
    this.#epoch = epoch;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tell(), TELL_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** To be called when the state has changed. */
  check(): void {
    const now = JSON.stringify(this.list());
    if (now === this.#told) return;
    this.#told = now;
    this.#tell();
  }

  list(): Closure[] {
    const { state, journal } = this.#context;
    return [...state.services.values()].flatMap((service) => {
      const { name } = service.planned;
      const standby = journal.state.moved[name]?.standby;
      if (standby) return [{ service: name, why: `${name} was failed over to ${standby}`, standby }];
      return state.statusOf(service) === "quarantined" ? [this.#quarantined(service)] : [];
    });
  }

  #quarantined(service: ServiceState): Closure {
    const { restarts } = this.#context;
    const trials = [...service.instances.values()].flatMap(({ node }) => {
      const standing = restarts.state(restartKey(service.planned, node));
      return standing.phase === "exhausted" && standing.trialAt ? [standing.trialAt] : [];
    });
    const why = [...service.instances.values()].find(({ why }) => why)?.why ?? "";
    return {
      service: service.planned.name,
      // What is told to callers must not change with every look.
      why: why.replace(/; (given up|the next trial).*$/, ""),
      ...(trials.length > 0 ? { trialAt: Math.round(Math.min(...trials)) } : {}),
    };
  }

  #tell(): void {
    const closures = JSON.parse(this.#told) as Closure[];
    void this.#context.broker.broadcast("organism.closures", { epoch: this.#epoch(), seq: ++this.#seq, closures });
  }
}
