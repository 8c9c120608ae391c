import type { Shedding, Throttling } from "../../models/lending.ts";
import { evenly } from "../faults/evenly.ts";
import { PRIORITIES, type Priority } from "./priority.ts";

/** What is let in beyond the rate at once: a tenth of a second's calls, so that a burst of few does not stumble. */
const BURST_S = 0.1;

interface Shed {
  /** Place in PRIORITIES; calls of this priority and of all behind it are refused. */
  from: number;
  share: number;
  refuses(): boolean;
}

/** Lets so many calls a second in, evenly; a token bucket. */
class Bucket {
  readonly rate: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, now: number) {
    this.rate = rate;
    this.#tokens = this.#most;
    this.#at = now;
  }

  get #most(): number {
    return Math.max(1, this.rate * BURST_S);
  }

  /** @param must taken even where there is none: it is missing afterwards, up to one burst */
  take(now: number, must: boolean): boolean {
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#at) / 1000) * this.rate);
    this.#at = now;
    if (this.#tokens < 1 && !must) return false;
    this.#tokens = Math.max(-this.#most, this.#tokens - 1);
    return true;
  }
}

interface Bounds {
  shed: Shed | undefined;
  bucket: Bucket | undefined;
}

/**
 * What rules have refused at this node's door. Critical calls are never refused by them. A call is asked about only while
 * something is in force.
 */
export class Admission {
  readonly #now: () => number;
  /** By full name of the service; "" is all of the node. */
  #bounds = new Map<string, Bounds>();
  /** Whether anything is refused now; looked at for every call. */
  isBounded = false;
  /** Calls that were refused since the node began. */
  refused = 0;

  /** @param now monotonic, ms. @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What is in force from now on, in the place of what was. */
  set(shed: readonly Shedding[], throttle: readonly Throttling[]): void {
    const before = this.#bounds;
    this.#bounds = new Map();
    const of = (service = ""): Bounds => {
      const known = this.#bounds.get(service) ?? { shed: undefined, bucket: undefined };
      this.#bounds.set(service, known);
      return known;
    };
    for (const { service, priority, share } of shed) {
      const bounds = of(service);
      const from = PRIORITIES.indexOf(priority);
      // Of several the one that refuses most.
      if (bounds.shed && (bounds.shed.from < from || (bounds.shed.from === from && bounds.shed.share >= share)))
        continue;
      const known = before.get(service ?? "")?.shed;
      bounds.shed =
        known?.from === from && known.share === share ? known : { from, share, refuses: evenly(share / 100) };
    }
    for (const { service, rate } of throttle) {
      const bounds = of(service);
      if (bounds.bucket && bounds.bucket.rate <= rate) continue;
      const known = before.get(service ?? "")?.bucket;
      bounds.bucket = known?.rate === rate ? known : new Bucket(rate, this.#now());
    }
    this.isBounded = this.#bounds.size > 0;
  }

  /** Whether a call is refused. */
  refuses(service: string, priority: Priority): boolean {
    const own = this.#bounds.get(service);
    const all = this.#bounds.get("");
    const refused = (own !== undefined && this.#by(own, priority)) || (all !== undefined && this.#by(all, priority));
    if (refused) this.refused++;
    return refused;
  }

  #by({ shed, bucket }: Bounds, priority: Priority): boolean {
    const rank = PRIORITIES.indexOf(priority);
    if (shed && rank >= shed.from && (rank > shed.from || shed.refuses())) return true;
    return bucket !== undefined && !bucket.take(this.#now(), priority === "critical");
  }
}
