/** Something that ends, or is ended when its time is over. */
export interface Due {
  /** ms of a monotonic clock. */
  at: number;
  /** Set by whoever ends it in time. */
  isOver: boolean;
  expire(): void;
}

export interface DueListOptions {
  /** Monotonic, ms. @default performance.now */
  now?: () => number;
  /** Calls back once after `ms`. @default an unref'd setTimeout */
  after?: (ms: number, run: () => void) => void;
}

/** Most time between two looks, ms. */
const LOOK_MS = 50;
/** Entries may be late by so much, ms. */
const SLOT_MS = 10;
/** So many new entries are looked through at once: in a loop that never comes round no timer would run. */
const MOST_YOUNG = 4096;

/**
 * What is due some day, for things of which nearly all end long before: an entry costs one push into a list, and those that
 * are over are dropped from it together. A timer for each would cost ten times as much.
 */
export class DueList {
  readonly #now: () => number;
  readonly #after: (ms: number, run: () => void) => void;
  #young: Due[] = [];
  /** Entries that were not over at a look, by the slot of time in which they are due. */
  readonly #slots = new Map<number, Due[]>();
  #youngLimit = MOST_YOUNG;
  #lookAt = Number.POSITIVE_INFINITY;

  constructor({ now = () => performance.now(), after = unrefTimer }: DueListOptions = {}) {
    this.#now = now;
    this.#after = after;
  }

  add(due: Due, now: number): void {
    this.#young.push(due);
    const wanted = Math.min(now + LOOK_MS, due.at);
    if (wanted < this.#lookAt - SLOT_MS || this.#lookAt === Number.POSITIVE_INFINITY) this.#schedule(wanted, now);
    if (this.#young.length >= this.#youngLimit) this.#thin();
  }

  /** Entries that are kept: not over, or not yet dropped. */
  get size(): number {
    let size = this.#young.length;
    for (const slot of this.#slots.values()) size += slot.length;
    return size;
  }

  #schedule(at: number, now: number): void {
    this.#lookAt = at;
    this.#after(Math.max(1, at - now), () => {
      // A nearer look was wanted after this one.
      if (this.#lookAt === at) this.#look();
    });
  }

  #look(): void {
    const now = this.#now();
    this.#lookAt = Number.POSITIVE_INFINITY;
    for (const due of this.#young) if (!due.isOver) this.#settle(due, now);
    this.#young = [];
    this.#youngLimit = MOST_YOUNG;
    let nearest = Number.POSITIVE_INFINITY;
    for (const [slot, dues] of this.#slots) {
      if (slot * SLOT_MS > now) {
        nearest = Math.min(nearest, slot * SLOT_MS);
        continue;
      }
      this.#slots.delete(slot);
      for (const due of dues) if (!due.isOver) expire(due);
    }
    if (nearest !== Number.POSITIVE_INFINITY && nearest < this.#lookAt) this.#schedule(nearest, now);
  }

  #settle(due: Due, now: number): void {
    if (due.at <= now) {
      expire(due);
      return;
    }
    const slot = Math.ceil(due.at / SLOT_MS);
    const dues = this.#slots.get(slot);
    if (dues) dues.push(due);
    else this.#slots.set(slot, [due]);
  }

  /** Drops what is over; where little of it is, the list may grow before the next time. */
  #thin(): void {
    this.#young = this.#young.filter((due) => !due.isOver);
    this.#youngLimit = Math.max(MOST_YOUNG, this.#young.length * 2);
  }
}

function expire(due: Due): void {
  due.isOver = true;
  due.expire();
}

function unrefTimer(ms: number, run: () => void): void {
  setTimeout(run, ms).unref();
}
