import { isDeepStrictEqual } from "node:util";
import { HEALING_PRIORITIES, type HealingResult, type HealingTarget } from "../../../../models/healing.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { words } from "../../../../runtime/healing/words.ts";
import { span } from "../figures.ts";
import { Cooldowns } from "./cooldowns.ts";
import type { HealingAction, Order, Outcome } from "./healing-action.ts";

export interface ExecutorOptions {
  clock: Clock;
  /** Multiplies cooldowns. @default 1 */
  scale?: number;
  /** Actions that run at once. @default 4 */
  concurrency?: number;
  /** Orders that wait. @default 100 */
  queue?: number;
  /** Outcomes that are remembered by their id. @default 1000 */
  remembered?: number;
  /** Called before an order is begun; it is begun when that is over. */
  deciding?: (order: Order) => Promise<void> | undefined;
  /** Called once for each order that was begun. */
  ended?: (order: Order, action: HealingAction, result: HealingResult, since: number) => void;
}

interface Waiting {
  order: Order;
  action: HealingAction;
  since: number;
  resolve(result: HealingResult): void;
  reject(error: unknown): void;
}

interface Known {
  order: Pick<Order, "action" | "target"> & Partial<Pick<Order, "parameters">>;
  result: Promise<HealingResult>;
}

/**
 * Carries out orders: the most urgent first, few at once, one at a time on each target, each id once. An action that never
 * ends is a failure when its time is over; nothing waits for it any longer.
 */
export class Executor {
  readonly #options: Required<Omit<ExecutorOptions, "ended" | "deciding">> &
    Pick<ExecutorOptions, "ended" | "deciding">;
  readonly cooldowns = new Cooldowns();
  readonly #known = new Map<string, Known>();
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Order>();
  /** Orders that were refused because too many waited. */
  refused = 0;
  /** Actions whose time was over before they ended. */
  abandoned = 0;

  constructor(options: ExecutorOptions) {
    this.#options = { scale: 1, concurrency: 4, queue: 100, remembered: 1000, ...options };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.size;
  }

  isBusyWith(target: HealingTarget): boolean {
    return [...this.#running, ...this.#waiting.map(({ order }) => order)].some((order) =>
      overlap(order.target, target),
    );
  }

  /** Outcomes of a former life: their ids are not carried out again. */
  remember(result: HealingResult, order: Known["order"]): void {
    if (!this.#known.has(result.id)) this.#keep(result.id, { order, result: Promise.resolve(result) });
  }

  cooling(action: string, target: HealingTarget): number {
    return this.cooldowns.left(action, target, this.#options.clock.now());
  }

  /**
   * @throws AzoraError CONFLICT where the id stands for another order, HEALING_COOLDOWN, RATE_LIMITED; what the action
   * itself refuses
   */
  async execute(order: Order, action: HealingAction): Promise<HealingResult> {
    const known = this.#known.get(order.id);
    if (known) {
      if (!same(known.order, order)) {
        throw new AzoraError(
          "CONFLICT",
          `id is "${order.id}", which was used already for ${known.order.action} of ${nameOf(known.order.target)}; give another`,
          { field: "id", value: order.id },
        );
      }
      return known.result;
    }
    const { clock, queue } = this.#options;
    this.#mustNotCool(order);
    if (this.#waiting.length >= queue) {
      this.refused++;
      throw new AzoraError("RATE_LIMITED", `${queue} healing actions wait already; try again later`, {
        waiting: queue,
      });
    }
    const result = new Promise<HealingResult>((resolve, reject) => {
      this.#waiting.push({ order, action, since: clock.now(), resolve, reject });
    });
    this.#keep(order.id, { order, result });
    // What was refused was not carried out: its id is free.
    result.catch(() => this.#known.delete(order.id));
    this.#next();
    return result;
  }

  #mustNotCool({ action, target, parameters, supervised }: Order): void {
    const left = this.cooling(action, target);
    if (left === 0 || parameters["force"] === true || supervised) return;
    throw new AzoraError(
      "HEALING_COOLDOWN",
      `${action} of ${nameOf(target)} was carried out just now; it may be again in ${span(left)}, or at once with force`,
      { action, target, retryAfter: Math.ceil(left / 1000) },
    );
  }

  #next(): void {
    while (this.#running.size < this.#options.concurrency) {
      const free = this.#waiting.filter(
        ({ order }) => ![...this.#running].some((one) => overlap(one.target, order.target)),
      );
      const [first] = free.sort((a, b) => urgency(a.order) - urgency(b.order));
      if (!first) return;
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      void this.#run(first);
    }
  }

  async #run({ order, action, since: asked, resolve, reject }: Waiting): Promise<void> {
    const { clock, scale, ended } = this.#options;
    const since = clock.now();
    try {
      if (since - asked > order.timeout)
        throw new AzoraError("NOT_WITHIN_TIME", `its turn did not come within ${span(order.timeout)}`);
      // The same may have been done while this one waited.
      this.#mustNotCool(order);
    } catch (error) {
      reject(error);
      // Not from within: a long queue would go as deep.
      queueMicrotask(() => this.#next());
      return;
    }
    this.#running.add(order);
    try {
      const recorded = this.#options.deciding?.(order);
      if (recorded) await recorded;
      this.cooldowns.begin(order.action, order.target, since + action.cooldown * scale);
      const { success, observed, reason } = await this.#bounded(order, action);
      const result: HealingResult = {
        id: order.id,
        success,
        // Plug-ins and services say what they like, of any kind and length.
        observed: { before: words(observed.before), after: words(observed.after) },
        reason: words(reason),
        duration: clock.now() - since,
      };
      ended?.(order, action, result, since);
      resolve(result);
    } catch (error) {
      // Refused before anything was done: no cooldown follows.
      this.cooldowns.begin(order.action, order.target, since);
      reject(error);
    } finally {
      this.#running.delete(order);
      this.#next();
    }
  }

  /** The action's outcome, or a failure when its time is over or it throws; only a refusal comes through as an error. */
  async #bounded(order: Order, action: HealingAction): Promise<Outcome> {
    const { clock } = this.#options;
    const abort = new AbortController();
    const failed = (reason: string): Outcome => ({
      success: false,
      observed: { before: "not seen", after: "not seen" },
      reason,
    });
    let cancel = () => {};
    const late = new Promise<Outcome>((resolve) => {
      // Whoever enters the outcome himself is also the one to say that the time is over.
      cancel = clock.after(order.timeout + (action.journaled ? ANSWER_MS : 0), () => {
        this.abandoned++;
        abort.abort();
        resolve(failed(`it did not end within ${span(order.timeout)}`));
      });
    });
    try {
      return await Promise.race([action.carryOut(order, abort.signal), late]);
    } catch (error) {
      const { type, message } = (error ?? {}) as { type?: string; message?: unknown };
      if (action.origin === "built-in" ? REFUSALS.has(type ?? "") : type === "VALIDATION_ERROR") throw error;
      return failed(words(message ?? error));
    } finally {
      cancel();
    }
  }

  #keep(id: string, known: Known): void {
    this.#known.set(id, known);
    if (this.#known.size > this.#options.remembered) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** Time for an answer to come back, ms. */
const ANSWER_MS = 1000;

/** Errors that say that nothing was done. */
const REFUSALS = new Set([
  "HEALING_REFUSED",
  "CONFLICT",
  "VALIDATION_ERROR",
  "SERVICE_UNKNOWN",
  "HEALING_ACTION_UNKNOWN",
  "STALE_EPOCH",
]);

const urgency = ({ priority }: Order) => HEALING_PRIORITIES.indexOf(priority);

function overlap(a: HealingTarget, b: HealingTarget): boolean {
  if (a.service !== undefined && b.service !== undefined) return a.service === b.service;
  return a.node !== undefined && a.node === b.node;
}

function same(a: Known["order"], b: Order): boolean {
  const { parameters = b.parameters } = a;
  return (
    a.action === b.action &&
    isDeepStrictEqual({ ...a.target }, { ...b.target }) &&
    isDeepStrictEqual(parameters, b.parameters)
  );
}

function nameOf({ service, node }: HealingTarget): string {
  return service && node ? `${service} on ${node}` : (service ?? node ?? "");
}
