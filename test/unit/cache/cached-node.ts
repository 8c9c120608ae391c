import { Answers, type Assurance } from "../../../runtime/cache/answers.ts";
import { ActionStats } from "../../../runtime/cache/cache-stats.ts";
import { type CacheDeclaration, readDeclaration } from "../../../runtime/cache/declaration.ts";
import type { CachedAction } from "../../../runtime/cache/entries.ts";
import type { FarLevel } from "../../../runtime/cache/far-level.ts";
import { Flights } from "../../../runtime/cache/flights.ts";
import { NearLevel } from "../../../runtime/cache/near-level.ts";
import type { Targets } from "../../../runtime/cache/targets.ts";
import { FakeClock } from "../../support/fake-clock.ts";

export const HERE = "here-1";
const always: Assurance = { holds: () => true, soon: async () => {} };

export interface NodeOptions {
  clock?: FakeClock;
  maxBytes?: number;
  far?: FarLevel;
  assurance?: Assurance;
  random?: () => number;
}

/** A node's cache without a broker: calls are made of contexts that are nothing but what the cache looks at. */
export class CachedNode {
  readonly clock: FakeClock;
  readonly near: NearLevel;
  readonly flights: Flights;
  readonly answers: Answers;
  readonly warnings: string[] = [];

  constructor({ clock = new FakeClock(), maxBytes = 2 ** 20, far, assurance = always, random }: NodeOptions = {}) {
    this.clock = clock;
    const now = () => clock.now();
    this.near = new NearLevel({ maxBytes, now });
    this.flights = new Flights(clock);
    this.answers = new Answers({
      clock,
      near: this.near,
      flights: this.flights,
      far,
      assurance,
      nodeID: HERE,
      ...(random ? { random } : {}),
      warn: (message) => this.warnings.push(message),
    });
  }

  action(name: string, cache: CacheDeclaration | true, load: (params: never) => unknown): CachedAction {
    const policy = readDeclaration(name, cache, { ttl: 30 })!;
    return { policy, stats: new ActionStats(name), load: async (ctx) => load(ctx.params as never) };
  }

  call(
    action: CachedAction,
    params: object = {},
    { timeout = 0, from = HERE, key = "a.get:1" } = {},
  ): Promise<unknown> {
    return this.answers.answer(action, context(params, timeout, from), key);
  }

  invalidate(targets: Targets): void {
    this.flights.fence(targets);
    this.near.invalidate(targets);
  }
}

function context(params: object, timeout: number, nodeID: string): never {
  const ctx = { params, meta: {}, locals: {}, options: { timeout }, nodeID, cachedResult: false };
  return { ...ctx, copy: () => context(params, timeout, nodeID) } as never;
}

/** Lets everything go on that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export const typeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error) => `${error.name}: ${error.message}`,
  );
