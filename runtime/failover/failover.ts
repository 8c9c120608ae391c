import type { BrokerOptions, Context, Middleware, ServiceBroker } from "moleculer";
import { otherInstances } from "../breaker/other-instances.ts";
import { monotonicClock } from "../clock.ts";
import { type ClosureList, Closures, type Detour } from "../closures/closures.ts";
import { timeLeft } from "../deadlines/time-left.ts";
import { AzoraError } from "../errors.ts";
import { LostCalls } from "../vitals/lost-calls.ts";
import { type Fate, fateOf } from "./classify.ts";
import { Holds } from "./holds.ts";
import { RetryBudget } from "./retry-budget.ts";

/** How long a call may be held or retried in all, ms. */
export const HOLD_MS = 1000;
const MAX_ATTEMPTS = 10;
/** Attempts that cost nothing: that nodes die, one after the other, is no sign of too much to do. */
const FREE_ATTEMPTS = 3;

type Handler = (ctx: Context) => Promise<unknown>;
type ErrorHandler = NonNullable<BrokerOptions["errorHandler"]>;
type CallOptions = Record<string, unknown> & { nodeID?: string; parentCtx?: Context };

/** On the context of a call that was tried again elsewhere: why it failed where it was sent first. */
export const INSTANCE_ERROR = Symbol("azora.instanceError");
/** Until when this call may be held, and how often it was tried; kept on the context or the options. */
const RETRY = Symbol("azora.retry");
interface RetryState {
  deadline: number;
  attempts: number;
  /** Nodes that have refused it. */
  refusedBy?: string[];
}

/**
 * Failover of calls. A call that never ran is tried again on any node; one that may have run on a node that died only
 * if its action is `idempotent`, else its caller gets OUTCOME_UNKNOWN. While a service that is being restarted has no
 * other instance, its calls are held. A closed service's calls go to its standby, or fail at once.
 */
export class Failover {
  readonly holds = new Holds(monotonicClock);
  readonly closures = new Closures();
  readonly lost: LostCalls;
  /** For retries that a sick or busy callee asks for; those after a node's death are among them only from the fourth on. */
  readonly budget = new RetryBudget(() => monotonicClock.now());
  /** Calls that were tried again. */
  retries = 0;
  #broker: ServiceBroker | undefined;
  /** Nodes that have not been heard of since the bus came back: what is sent to them may go nowhere. */
  readonly #unheard = new Set<string>();

  /** @param lost where calls are counted for which no instance was left */
  constructor(lost = new LostCalls()) {
    this.lost = lost;
  }

  /** To be added first, so that it stands closest to the bus. */
  middleware(): Middleware {
    const failover = this;
    return {
      name: "Failover",
      created(broker: ServiceBroker) {
        failover.#attach(broker);
      },
      remoteAction(next: Handler, action: { name: string; idempotent?: boolean }): Handler {
        const send: Handler = (ctx) => {
          // What is tried again does not pay for further retries.
          if ((ctx as unknown as Record<symbol, unknown>)[RETRY] === undefined) failover.budget.called();
          return next(ctx).catch((error: unknown) => failover.#recover(ctx, action, error));
        };
        return (ctx) =>
          failover.#unheard.size > 0 && ctx.nodeID && failover.#unheard.has(ctx.nodeID)
            ? failover.#whenHeard(ctx, action, send)
            : send(ctx);
      },
    } as unknown as Middleware;
  }

  /**
   * Asks an instance that has not refused the call yet. It never waits: there is too much to do already. @throws `refusal`
   * where there is no other, or too much is tried again
   */
  async elsewhere(ctx: Context, refusal: unknown): Promise<unknown> {
    const state = stateOf(ctx);
    state.refusedBy = [...(state.refusedBy ?? []), ctx.nodeID!];
    // The caller asked for this very node, or sends a stream that cannot be read twice.
    const { nodeID, stream } = ctx.options as { nodeID?: string; stream?: unknown };
    const others = nodeID || stream ? [] : otherInstances(this.#broker!, ctx.action!.name!, ctx.nodeID!);
    const open = others.filter(({ endpoint }) => !state.refusedBy!.includes(endpoint.id));
    const other = open[Math.floor(Math.random() * open.length)];
    if (!other || timeLeft(ctx) <= 0 || !this.budget.take()) throw refusal;
    this.#again(ctx, state, refusal);
    return other.endpoint.action.handler(copyOf(ctx, other.endpoint));
  }

  /** What the orchestrator tells. Whoever waits for a service that is closed now waits no longer. */
  takeClosures(list: ClosureList): void {
    if (this.closures.take(list)) this.holds.check();
  }

  /** Moleculer asks the error handler when no endpoint is left: the place where calls are held, refused or sent elsewhere. */
  errorHandler(own?: ErrorHandler): ErrorHandler {
    const failover = this;
    return function (this: ServiceBroker, error: Error, info: unknown) {
      const { actionName, params, opts } = info as { actionName?: string; params?: unknown; opts?: CallOptions };
      // Errors of calls that reached a service come here too, without the name of an action.
      if (actionName !== undefined) {
        const pinned = opts?.nodeID !== undefined;
        const detour = failover.closures.detourOf(actionName);
        if (detour && !(pinned && "to" in detour)) return failover.#detour(detour, actionName, params, opts ?? {});
        if (!pinned && failover.holds.isRestarting(actionName))
          return failover.#hold(actionName, params, opts ?? {}, error);
        failover.lost.noteAbsent(actionName, error);
      }
      if (own) return own.call(this, error, info as never);
      throw error;
    } as unknown as ErrorHandler;
  }

  #attach(broker: ServiceBroker): void {
    this.#broker = broker;
    broker.localBus.on("$services.changed", () => this.holds.check());
    broker.localBus.on("$transporter.connected", () => this.holds.check());
    broker.localBus.on("$transporter.reconnecting", () => {
      for (const { id } of broker.registry.nodes.list({ onlyAvailable: true }))
        if (id !== broker.nodeID) this.#unheard.add(id);
    });
    const heard = ({ node }: { node: { id: string } }) => {
      if (this.#unheard.delete(node.id)) this.holds.check();
    };
    broker.localBus.on("$node.updated", heard);
    broker.localBus.on("$node.connected", heard);
    broker.localBus.on("$node.disconnected", heard);
    // A node that died is started again at once: its services count as being restarted.
    broker.localBus.on(
      "$node.disconnected",
      ({ node, unexpected }: { node: { services?: NodeService[] }; unexpected: boolean }) => {
        if (unexpected)
          this.holds.begin((node.services ?? []).flatMap((service) => Object.keys(service.actions ?? {})));
      },
    );
  }

  /** Sends the call once its node has shown itself on the new connection; elsewhere, where the node died before. */
  async #whenHeard(ctx: Context, action: { name: string; idempotent?: boolean }, send: Handler): Promise<unknown> {
    const node = ctx.nodeID!;
    await this.holds.wait(action.name, stateOf(ctx).deadline, () => !this.#unheard.has(node));
    // The calls of a node that is gone were ended when it went: one that is sent now would wait for its time-out.
    if (this.#broker!.registry.nodes.get(node)?.available) return send(ctx);
    const gone = new AzoraError("SERVICE_UNAVAILABLE", `Node ${node} is gone`, { neverSent: true });
    return this.#recover(ctx, action, gone);
  }

  async #recover(ctx: Context, action: { name: string; idempotent?: boolean }, error: unknown): Promise<unknown> {
    const fate: Fate = fateOf(error, action.name, ctx.nodeID);
    if (fate === "answered") throw error;
    if (fate === "unknown" && !action.idempotent) {
      const unknown = new AzoraError(
        "OUTCOME_UNKNOWN",
        `The call of ${action.name} may have reached ${ctx.nodeID}, which is gone; it is not repeated, because the action is not idempotent`,
        { action: action.name, nodeID: ctx.nodeID },
      );
      unknown.cause = error;
      throw unknown;
    }
    // The caller asked for this very node, or sends a stream that cannot be read twice.
    const { nodeID, stream } = ctx.options as { nodeID?: string; stream?: unknown };
    if (nodeID || stream) throw error;
    const state = stateOf(ctx);
    if (++state.attempts > MAX_ATTEMPTS) throw error;
    if (fate === "refused") return this.elsewhere(ctx, error);
    if (state.attempts > FREE_ATTEMPTS && !this.budget.take()) throw error;
    const broker = this.#broker!;
    const callable = () => (broker.transit?.tx?.connected ?? true) && this.#isCallable(action.name);
    if (!callable() && !(await this.holds.wait(action.name, state.deadline, callable))) throw error;
    if (timeLeft(ctx) <= 0) throw error;
    this.#again(ctx, state, error);
    return broker.call(action.name, ctx.params, { ctx: copyOf(ctx, ctx.endpoint!) } as never);
  }

  #again(ctx: Context, state: RetryState, error: unknown): void {
    this.retries++;
    (ctx as unknown as Record<symbol, unknown>)[INSTANCE_ERROR] = error;
    (ctx as unknown as Record<symbol, RetryState>)[RETRY] = state;
  }

  async #hold(action: string, params: unknown, opts: CallOptions, error: Error): Promise<unknown> {
    const carrier = (opts as { ctx?: object }).ctx ?? opts;
    const state = stateOf(carrier);
    const callable = () => this.#isCallable(action);
    if (++state.attempts > MAX_ATTEMPTS || !(await this.holds.wait(action, state.deadline, callable))) {
      this.lost.noteAbsent(action, error);
      throw error;
    }
    this.retries++;
    return this.#callAgain(action, params, { ...opts, [RETRY]: state } as CallOptions);
  }

  /** A closed service counts as callable: its call has an end at once, though it may be a refusal. */
  #isCallable(action: string): boolean {
    return this.#broker!.registry.actions.isAvailable(action) || this.closures.detourOf(action) !== undefined;
  }

  async #detour(detour: Detour, action: string, params: unknown, opts: CallOptions): Promise<unknown> {
    if ("refused" in detour) {
      this.lost.noteAbsent(action, detour.refused);
      throw detour.refused;
    }
    return this.#callAgain(detour.to, params, opts);
  }

  /** For a call that ended without an endpoint: Moleculer has given its caller no context to take the meta from. */
  async #callAgain(action: string, params: unknown, opts: CallOptions): Promise<unknown> {
    const call = this.#broker!.call(action, params as never, opts as never) as Promise<unknown> & { ctx?: Context };
    const result = await call;
    if (opts.parentCtx && call.ctx) Object.assign(opts.parentCtx.meta as object, call.ctx.meta);
    return result;
  }
}

interface NodeService {
  actions?: Record<string, unknown>;
}

/** The same call, to be made of another instance; its time and its attempts go on. */
export function copyOf(ctx: Context, endpoint: object): Context {
  const copy = ctx.copy(endpoint as never);
  const left = timeLeft(ctx);
  // The other one must not work on for a caller who is gone.
  if (left < Number.POSITIVE_INFINITY) copy.options = { ...ctx.options, timeout: Math.max(1, left) } as never;
  const state = (ctx as unknown as Record<symbol, RetryState>)[RETRY];
  if (state) (copy as unknown as Record<symbol, RetryState>)[RETRY] = state;
  return copy;
}

function stateOf(carrier: object): RetryState {
  const known = (carrier as Record<symbol, RetryState>)[RETRY];
  return known ?? { deadline: monotonicClock.now() + HOLD_MS, attempts: 0 };
}
