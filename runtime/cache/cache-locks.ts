import { type Clock, sleep } from "../clock.ts";
import type { FarLevel } from "./far-level.ts";
import { KeyLocks } from "./key-locks.ts";

type Free = () => Promise<void>;

const LOCK_MS = 15_000;
const LOOK_MS = 50;

/** Locks by name: within the process always, among nodes as long as Redis is there. */
export class CacheLocks {
  readonly #here = new KeyLocks();
  readonly #clock: Clock;
  readonly #far: FarLevel | undefined;

  constructor(clock: Clock, far: FarLevel | undefined) {
    this.#clock = clock;
    this.#far = far;
  }

  /** Waits for its turn. @param ttl ms after which other nodes take it as free, and that they are waited for */
  async lock(name: string, ttl = LOCK_MS): Promise<Free> {
    const free = await this.#here.lock(name);
    const end = this.#clock.now() + ttl;
    let locked = await this.#tryFar(name, ttl);
    while (locked === undefined && this.#clock.now() < end) {
      await sleep(this.#clock, LOOK_MS);
      locked = await this.#tryFar(name, ttl);
    }
    return this.#free(name, locked ?? null, free);
  }

  /** @throws where somebody holds it */
  async tryLock(name: string, ttl = LOCK_MS): Promise<Free> {
    // In the words of Moleculer's own cachers.
    if (this.#here.isLocked(name)) throw new Error("Locked.");
    const free = await this.#here.lock(name);
    const locked = await this.#tryFar(name, ttl);
    if (locked !== undefined) return this.#free(name, locked, free);
    free();
    throw new Error("Locked.");
  }

  /** @returns null where Redis says nothing, undefined where another node holds it */
  #tryFar(name: string, ttl: number): Promise<string | undefined | null> {
    return this.#far?.isUsable ? this.#far.tryLock(name, ttl) : Promise.resolve(null);
  }

  #free(name: string, locked: string | null, free: () => void): Free {
    return async () => {
      if (locked) this.#far!.unlock(name, { locked });
      free();
    };
  }
}
