import type { Context, Middleware, ServiceBroker } from "moleculer";
import { isUnguarded } from "../breaker/unguarded.ts";
import type { ActionGate } from "./action-gate.ts";
import { Admission } from "./admission.ts";
import { Arrivals } from "./arrivals.ts";
import type { ConcurrencyLimits } from "./concurrency-limits.ts";
import { LoopLag } from "./loop-lag.ts";
import { Overload } from "./overload.ts";
import { priorityOf } from "./priority.ts";
import { refusalOf } from "./refusal.ts";

type Handler = (ctx: Context) => Promise<unknown>;
type MessageHandler = (command: string, packet: { payload?: Request }) => unknown;
type Publish = (packet: { type: string; payload: Request }) => Promise<unknown>;
interface Request {
  sender?: string;
  /** When it was sent, by the sender's clock; see arrivals.ts. Absent from nodes that are none of Azora's. */
  sent?: number;
}
interface ActionDefinition {
  name: string;
  service: { fullName: string };
}

/** Below this a delay is not taken off a call's time, ms. */
const LEAST_DELAY = 1;

/**
 * Where calls come in. A call that waited in buffers for longer than its caller does is not begun. While more comes in than
 * this process can handle, what is late is refused at once, by priority: a refusal is cheaper than the work.
 */
export class FrontDoor {
  readonly arrivals: Arrivals;
  /** What rules have refused here. */
  readonly admission: Admission;
  readonly #limits: ConcurrencyLimits;
  /** What comes over the bus waits in other buffers than what this process calls itself. */
  readonly #overload = new Overload();
  readonly #ownOverload = new Overload();
  readonly #lag: LoopLag;
  readonly #now: () => number;

  /** @param now monotonic, ms. @default performance.now */
  constructor(limits: ConcurrencyLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.arrivals = new Arrivals(now);
    this.admission = new Admission(now);
    this.#lag = new LoopLag(now);
  }

  /** Stamps what is sent, and reads the stamps of what comes. */
  wire(): Middleware {
    const { arrivals } = this;
    const lives = new Map<string, unknown>();
    return {
      name: "FrontDoorWire",
      created(broker: ServiceBroker) {
        // One that was started anew may be seen before its former life is known to be over.
        const seen = ({ node }: { node: { id: string; instanceID?: unknown } }) => {
          if (lives.get(node.id) === node.instanceID) return;
          lives.set(node.id, node.instanceID);
          arrivals.forget(node.id);
        };
        broker.localBus.on("$node.connected", seen);
        broker.localBus.on("$node.updated", seen);
        broker.localBus.on("$node.disconnected", ({ node }: { node: { id: string } }) => {
          lives.delete(node.id);
          arrivals.forget(node.id);
        });
      },
      transitPublish: (next: Publish): Publish => {
        return (packet) => {
          if (packet.type === "REQ") packet.payload.sent = arrivals.stamp();
          return next(packet);
        };
      },
      transitMessageHandler: (next: MessageHandler): MessageHandler => {
        return (command, packet) => {
          const { sender, sent } = packet.payload ?? {};
          if (command !== "REQ" || typeof sent !== "number") return next(command, packet);
          // The handler of the call begins before this returns.
          arrivals.delay = arrivals.waited(sender!, sent);
          try {
            return next(command, packet);
          } finally {
            arrivals.delay = 0;
          }
        };
      },
    } as unknown as Middleware;
  }

  /** To be added last: the first thing that a call meets. */
  middleware(broker: ServiceBroker): Middleware {
    const self = broker.nodeID;
    const { admission } = this;
    return {
      name: "FrontDoor",
      localAction: (next: Handler, action: ActionDefinition): Handler => {
        if (isUnguarded(action.name, action.service.fullName)) return next;
        const gate = this.#limits.gate(action.name)!;
        return (ctx) => {
          const isOwn = ctx.nodeID === self;
          // What is part of something larger that was let in here is let in with it.
          const isPart = isOwn && ctx.level > 1;
          if (!isPart && admission.isBounded && admission.refuses(gate.service, priorityOf(ctx, gate.priority)))
            return this.#refuse(ctx, gate, "shed");
          if (!isOwn) return this.#fromAfar(ctx, gate, next);
          if (!isPart) this.#lag.probe();
          if (isPart || !this.#isLate(this.#ownOverload, this.#lag.value, ctx, gate)) return next(ctx);
          return this.#refuse(ctx, gate, "overload");
        };
      },
    } as unknown as Middleware;
  }

  /** What has to wait for a later turn of the loop waits as if it had stayed in the buffers for so much longer. */
  #fromAfar(ctx: Context, gate: ActionGate, next: Handler): Promise<unknown> {
    const { delay } = this.arrivals;
    const { turns } = this.#limits;
    if (!turns.isBusy) return this.#enter(ctx, gate, next, delay);
    const since = this.#now();
    return new Promise((resolve) => {
      turns.later(() => {
        const now = this.#now();
        turns.at(now);
        resolve(this.#enter(ctx, gate, next, delay + now - since));
      });
    });
  }

  /** @param delay for which it has waited to be looked at, ms */
  #enter(ctx: Context, gate: ActionGate, next: Handler, delay: number): Promise<unknown> {
    const options = ctx.options as { timeout?: number };
    if (options.timeout && delay >= LEAST_DELAY) {
      if (delay >= options.timeout) {
        gate.refused("late");
        return Promise.reject(refusalOf(ctx, gate, "late", 1));
      }
      options.timeout -= delay;
    }
    return this.#isLate(this.#overload, delay, ctx, gate) ? this.#refuse(ctx, gate, "overload") : next(ctx);
  }

  #isLate(overload: Overload, delay: number, ctx: Context, gate: ActionGate): boolean {
    if (overload.isCalm(delay)) return false;
    const now = this.#now();
    overload.observe(delay, now);
    return overload.refuses(delay, gate.work, priorityOf(ctx, gate.priority), now);
  }

  #refuse(ctx: Context, gate: ActionGate, why: "overload" | "shed"): Promise<unknown> {
    gate.refused(why);
    return this.#limits.refuse(ctx, refusalOf(ctx, gate, why, 1));
  }
}
