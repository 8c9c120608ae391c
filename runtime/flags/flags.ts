import type { ActionSchema, Context, ServiceBroker, ServiceSchema } from "moleculer";
import { FLAGS, type FlagReader, type FlagValue, type Widened } from "../../models/flags.ts";
import { type Clock, monotonicClock } from "../clock.ts";

/** What the rules say of flags: all that are set, again and again. */
export interface FlagNotice {
  /** Time after which they are not set any more if nothing is heard, ms. */
  lease: number;
  /** `nodes`: only there; everywhere where it is left out. */
  flags: { flag: string; value: FlagValue; nodes?: string[] }[];
}

const MOST = 1000;
const LONGEST_LEASE_MS = 60_000;

/** Flags that rules have set, as one node knows them. They end with the rules' engine. */
export class Flags implements FlagReader {
  readonly #clock: Clock;
  readonly #node: string;
  #values = new Map<string, FlagValue>();
  #until = 0;

  /** @param node its id */
  constructor(node: string, clock: Clock = monotonicClock) {
    this.#node = node;
    this.#clock = clock;
  }

  /** The value of a flag; `otherwise` while no rule has set it, or to a value of another type. */
  get<T extends FlagValue>(flag: string, otherwise: T): Widened<T> {
    const value = this.#clock.now() < this.#until ? this.#values.get(flag) : undefined;
    return (typeof value === typeof otherwise ? value : otherwise) as Widened<T>;
  }

  /** All that are set now. */
  all(): Record<string, FlagValue> {
    return this.#clock.now() < this.#until ? Object.fromEntries(this.#values) : {};
  }

  /** Takes what was broadcast; what makes no sense is left out. */
  take(notice: unknown): void {
    const { lease, flags } = (notice ?? {}) as Partial<FlagNotice>;
    if (typeof lease !== "number" || !(lease > 0) || !Array.isArray(flags)) return;
    const values = new Map<string, FlagValue>();
    for (const { flag, value, nodes } of flags.slice(0, MOST).filter(Boolean)) {
      const here = nodes === undefined || (Array.isArray(nodes) && nodes.includes(this.#node));
      if (typeof flag === "string" && here && ["boolean", "number", "string"].includes(typeof value))
        values.set(flag, value);
    }
    this.#values = values;
    this.#until = this.#clock.now() + Math.min(lease, LONGEST_LEASE_MS);
  }
}

/** The flags of the node that this broker is, as `flagsOf(this.broker).get("short-answers", false)`. */
export function flagsOf(broker: ServiceBroker): Flags {
  const carrier = broker as { [FLAGS]?: Flags };
  carrier[FLAGS] ??= new Flags(broker.nodeID);
  return carrier[FLAGS];
}

/** Part of a service that every node carries: what is set on it now. */
export function flagActions(broker: ServiceBroker): Record<string, ActionSchema> {
  const actions = { flags: { params: { $$strict: true }, handler: () => flagsOf(broker).all() } };
  return actions as unknown as Record<string, ActionSchema>;
}

/** Part of a service that every node carries: hears what the rules say of flags. */
export function flagEvents(broker: ServiceBroker): NonNullable<ServiceSchema["events"]> {
  return { "organism.flags": (ctx: Context) => flagsOf(broker).take(ctx.params) } as NonNullable<
    ServiceSchema["events"]
  >;
}
