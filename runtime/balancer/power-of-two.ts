import { type ServiceBroker, Strategies } from "moleculer";
import type { EndpointLoad } from "../load/endpoint-load.ts";
import type { LoadModel } from "../load/load-model.ts";
import { calleeOf } from "./callee.ts";
import { costOf, penaltyOf, weightOf } from "./cost.ts";

export interface BalancerOptions {
  model: LoadModel;
  /** The instance in the same process is taken while it is not slower than another. @default true */
  preferLocal?: boolean;
  /** 0 to 1. @default Math.random */
  random?: () => number;
}

/** An endpoint of Moleculer's registry; those of events have no action. */
interface Endpoint {
  id: string;
  local: boolean;
  action?: { name: string };
  service: { fullName: string; node: { id: string } };
  [LOAD]?: EndpointLoad;
}
const LOAD = Symbol("azora.load");

/** What an instance elsewhere is thought to need more than one here, while nothing is known of it, µs. */
const WAY = 1000;
/** A local instance that is slower than this many times its best is compared with others of which nothing is known. */
const UNUSUAL = 4;
/** A local instance is worse if it is so many times as slow as one elsewhere: equal ones differ by chance. */
const WORSE = 1.5;

/**
 * A strategy for Moleculer's registry: of two instances taken by chance the one that costs less (power of two choices,
 * Mitzenmacher 2001; the cost as in Finagle's Peak EWMA). Chance keeps callers from running to the same one together.
 */
export function powerOfTwo({
  model,
  preferLocal = true,
  random = Math.random,
}: BalancerOptions): typeof Strategies.Base {
  class PowerOfTwo extends Strategies.Base {
    #turn = 0;

    // Moleculer has filtered the list already: all of it is available.
    override select(list: never[]): never {
      const endpoints = list as Endpoint[];
      const chosen = endpoints[0]!.action ? this.#choose(endpoints) : this.#inTurn(endpoints);
      return chosen as never;
    }

    #choose(endpoints: Endpoint[]): Endpoint {
      const now = model.now();
      if (endpoints.length === 1) return endpoints[0]!;
      const local = preferLocal ? endpoints.find((endpoint) => endpoint.local) : undefined;
      if (local === undefined) return this.#oneOfTwo(endpoints, now);
      const here = this.#load(local);
      if (here.latency.value === 0 && here.inFlight === 0) return local;
      const other = this.#oneOfTwo(
        endpoints.filter((endpoint) => endpoint !== local),
        now,
      );
      return isWorse(here, this.#load(other), now) ? this.#cheaper(local, other, now) : local;
    }

    #oneOfTwo(endpoints: Endpoint[], now: number): Endpoint {
      const count = endpoints.length;
      if (count === 1) return endpoints[0]!;
      const first = Math.floor(random() * count);
      const second = (first + 1 + Math.floor(random() * (count - 1))) % count;
      const chosen = this.#started(endpoints[first]!, endpoints[second]!, now);
      if (now >= this.#load(chosen).ejectedUntil) return chosen;
      // Both were taken out. With all of them out, none is: somebody has to answer.
      const others = endpoints.filter((endpoint) => now >= this.#load(endpoint).ejectedUntil);
      return others.length > 0 ? others[Math.floor(random() * others.length)]! : chosen;
    }

    /**
     * A new instance takes its share of the calls that it would win by its cost. As a part of its price the weight would keep
     * it out to the end, and then let it in at once.
     */
    #started(one: Endpoint, other: Endpoint, now: number): Endpoint {
      const chosen = this.#cheaper(one, other, now);
      const weight = weightOf(this.#load(chosen), now);
      if (weight === 1) return chosen;
      const rest = chosen === one ? other : one;
      const share = weight / weightOf(this.#load(rest), now);
      if (share >= 1 || this.#cost(chosen, rest, now) <= share * this.#cost(rest, chosen, now)) return chosen;
      return random() < share ? chosen : rest;
    }

    #cheaper(one: Endpoint, other: Endpoint, now: number): Endpoint {
      return this.#cost(one, other, now) <= this.#cost(other, one, now) ? one : other;
    }

    /** @param other whose latency is expected where nothing is known of the first */
    #cost(of: Endpoint, other: Endpoint, now: number): number {
      return costOf(this.#load(of), now, this.#load(other).expected(now) || 1);
    }

    #load(endpoint: Endpoint): EndpointLoad {
      endpoint[LOAD] ??= model.of(calleeOf(this.broker as unknown as ServiceBroker, endpoint), endpoint.action!.name);
      return endpoint[LOAD];
    }

    /** Events: the local service, else one after the other. */
    #inTurn(endpoints: Endpoint[]): Endpoint {
      const local = preferLocal ? endpoints.find((endpoint) => endpoint.local) : undefined;
      return local ?? endpoints[this.#turn++ % endpoints.length]!;
    }
  }
  return PowerOfTwo as unknown as typeof Strategies.Base;
}

/** Whether a call would be answered later here than there. How many share the instance shows in its latency. */
function isWorse(here: EndpointLoad, there: EndpointLoad, now: number): boolean {
  if (now < here.ejectedUntil) return true;
  const expected = here.expected(now);
  const elsewhere = there.expected(now) || UNUSUAL * here.best + WAY;
  return expected * penaltyOf(here, now) > WORSE * elsewhere * penaltyOf(there, now);
}
