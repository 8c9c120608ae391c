import { hash } from "node:crypto";
import type { QueryTimes } from "../../models/performance.ts";
import type { QueryShape } from "../../models/query-facts.ts";
import { type Clock, systemClock } from "../clock.ts";
import { CallStreaks } from "./call-streaks.ts";
import { MeasuredShape } from "./measured-shape.ts";

export interface QueryMeterOptions {
  service: string;
  /** Names of the service's actions. */
  actions?: readonly string[];
  /** Shapes that are told apart; those beyond are counted together. @default 200 */
  maxShapes?: number;
  clock?: Clock;
  /** A clock for durations, ms. @default performance.now */
  elapsed?: () => number;
}

/** Of what is recent, ms. */
const WINDOW = 600_000;

/**
 * Measures the queries of one service on one node. Which action has asked is known without any context that is carried
 * along: queries that run before a handler's first `await` are its own, and so are all others while only one action is
 * under way. Else it is not known, and counted so.
 */
export class QueryMeter {
  readonly service: string;
  readonly since: number;
  readonly elapsed: () => number;
  /** The first stands for "not known". */
  readonly actions: readonly string[];
  readonly streaks: CallStreaks;
  readonly others = { count: 0, sum: 0 };
  readonly #shapes = new Map<string, MeasuredShape>();
  readonly #maxShapes: number;
  readonly #overflow: MeasuredShape;
  readonly #clock: Clock;
  #windowBegan: number;
  #count = 0;
  #sum = 0;
  #reported = { count: 0, sum: 0 };

  /** Calls under way, of each action and in all. */
  readonly #active: Int32Array;
  readonly #calls: Float64Array;
  #inFlight = 0;
  #distinct = 0;
  /** Of the actions under way; the number of the only one, where there is one. */
  #activeSum = 0;
  #calledSoFar = 0;
  /** The call that has been alone since it began; 0 where there is none. */
  #alone = 0;
  /** The handler that is running now, up to its first await. */
  #scopeAction = 0;
  #scopeCall = 0;

  constructor(options: QueryMeterOptions) {
    const { service, actions = [], maxShapes = 200, clock = systemClock } = options;
    this.service = service;
    this.since = clock.now();
    this.#clock = clock;
    this.#windowBegan = this.since;
    this.elapsed = options.elapsed ?? (() => performance.now());
    this.actions = ["", ...actions];
    this.streaks = new CallStreaks(this.actions);
    this.#maxShapes = maxShapes;
    this.#active = new Int32Array(this.actions.length);
    this.#calls = new Float64Array(this.actions.length);
    const nothing: QueryShape = { collection: "", kind: "sql", where: [], sort: [], limited: false, living: false };
    this.#overflow = new MeasuredShape("", "others", nothing, this.actions.length);
  }

  /** The shape with this text, or the one that takes all that are too many. */
  shapeOf(text: string, describe: () => QueryShape): MeasuredShape {
    let shape = this.#shapes.get(text);
    if (shape) return shape;
    if (this.#shapes.size >= this.#maxShapes) return this.#overflow;
    const id = hash("sha256", `${this.service}\0${text}`).slice(0, 12);
    shape = new MeasuredShape(id, text, describe(), this.actions.length);
    this.#shapes.set(text, shape);
    return shape;
  }

  shapes(): Iterable<MeasuredShape> {
    return this.#shapes.values();
  }

  /** Begins a new window where the last one is over; whoever looks at the shapes asks for it, so that no query has to. */
  rollWindow(): void {
    const now = this.#clock.now();
    if (now - this.#windowBegan < WINDOW) return;
    this.#windowBegan = now;
    for (const shape of this.#shapes.values()) shape.roll();
  }

  shapeById(id: string): MeasuredShape | undefined {
    for (const shape of this.#shapes.values()) if (shape.id === id) return shape;
    return undefined;
  }

  /** Whether the next run of a shape is one of the few that count the documents looked at. */
  isSampled(shape: MeasuredShape): boolean {
    const { count } = shape;
    return (count & 63) === 0 || count === 8;
  }

  /** A run has ended. `examined` is given by a sampled one, whose time does not count for the shape. */
  record(shape: MeasuredShape, ms: number, returned: number, examined = -1): void {
    const us = ms * 1000;
    if (shape.isQuery) this.#count++;
    this.#sum += us;
    if (shape === this.#overflow) {
      this.others.count++;
      this.others.sum += us;
      return;
    }
    const action = this.#scopeAction > 0 ? this.#scopeAction : this.#distinct === 1 ? this.#activeSum : 0;
    const call = this.#scopeCall > 0 ? this.#scopeCall : this.#alone;
    shape.record(us, returned, examined, action, call);
  }

  /** A call begins; what it returns goes to `within`. */
  enter(action: number): number {
    const call = ++this.#calledSoFar;
    this.#calls[action]!++;
    if (this.#active[action]!++ === 0) {
      this.#distinct++;
      this.#activeSum += action;
    }
    this.#alone = this.#inFlight++ === 0 ? call : 0;
    return call;
  }

  leave(action: number): void {
    this.#inFlight--;
    this.#alone = 0;
    if (--this.#active[action]! > 0) return;
    this.#distinct--;
    this.#activeSum -= action;
  }

  /** Runs the synchronous part of a handler as its call's. */
  within<T, A, R>(action: number, call: number, handler: (this: T, argument: A) => R, self: T, argument: A): R {
    const outerAction = this.#scopeAction;
    const outerCall = this.#scopeCall;
    this.#scopeAction = action;
    this.#scopeCall = call;
    try {
      return handler.call(self, argument);
    } finally {
      this.#scopeAction = outerAction;
      this.#scopeCall = outerCall;
    }
  }

  /** Calls of each action since the beginning. */
  calls(): Record<string, number> {
    return Object.fromEntries(this.actions.slice(1).map((name, i) => [name, this.#calls[i + 1]!]));
  }

  /** Queries since this was asked last; their time is with that of commits and of waiting for other writers. */
  times(): QueryTimes {
    const { count, sum } = this.#reported;
    this.#reported = { count: this.#count, sum: this.#sum };
    return { service: this.service, count: this.#count - count, sum: Math.round(this.#sum - sum) };
  }
}
