import { type Context, Errors } from "moleculer";
import { type Clock, sleep } from "../clock.ts";
import { evenly } from "./evenly.ts";
import type { NodeFault } from "./node-fault.ts";

export type CallFault = Extract<NodeFault, { kind: "delay-calls" | "fail-calls" }>;
type Handler = (ctx: Context) => Promise<unknown>;

/** How often one service called another on this node. */
export interface CallPair {
  /** Full name, or the id of the node that called without a service. */
  caller: string;
  callee: string;
  calls: number;
  errors: number;
}

interface Active {
  fault: CallFault;
  due: () => boolean;
  hits: number;
}

const MAX_PAIRS = 10_000;

/** Delays and fails calls of services on this node, and counts who calls whom while somebody wants to know. */
export class CallFaults {
  readonly #clock: Clock;
  readonly #active = new Map<string, Active[]>();
  readonly #pairs = new Map<string, CallPair>();
  #watchers = 0;
  /** Pairs that found no more room. */
  dropped = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns how to end it, and how many calls it has hit */
  begin(fault: CallFault): { undo(): void; hits(): number } {
    const active: Active = { fault, due: evenly(fault.share), hits: 0 };
    this.#active.set(fault.service, [...(this.#active.get(fault.service) ?? []), active]);
    return {
      undo: () => {
        const left = (this.#active.get(fault.service) ?? []).filter((one) => one !== active);
        if (left.length > 0) this.#active.set(fault.service, left);
        else this.#active.delete(fault.service);
      },
      hits: () => active.hits,
    };
  }

  /** The first watcher starts from nothing. */
  watch(): () => void {
    if (this.#watchers++ === 0) this.#pairs.clear();
    return () => {
      this.#watchers--;
    };
  }

  pairs(): CallPair[] {
    return [...this.#pairs.values()];
  }

  async around(next: Handler, ctx: Context, service: string, isHealth: boolean): Promise<unknown> {
    const pair = this.#watchers > 0 && !isHealth ? this.#pair(ctx, service) : undefined;
    try {
      for (const active of this.#active.get(service) ?? []) {
        const { fault } = active;
        if ((isHealth && !fault.health) || !active.due()) continue;
        active.hits++;
        if (fault.kind === "fail-calls") throw new Errors.MoleculerError(fault.message, fault.code, "CHAOS_FAULT");
        await sleep(this.#clock, fault.ms);
      }
      return await next(ctx);
    } catch (error) {
      if (pair) pair.errors++;
      throw error;
    }
  }

  #pair(ctx: Context, callee: string): CallPair | undefined {
    const caller = ctx.caller ?? (ctx.nodeID as string);
    const key = `${caller}\0${callee}`;
    let pair = this.#pairs.get(key);
    if (!pair && this.#pairs.size >= MAX_PAIRS) {
      this.dropped++;
      return undefined;
    }
    if (!pair) {
      pair = { caller, callee, calls: 0, errors: 0 };
      this.#pairs.set(key, pair);
    }
    pair.calls++;
    return pair;
  }
}
