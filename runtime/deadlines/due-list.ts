/** Something that ends, or is ended when its time is over. */
export interface Due {
  /** ms of a monotonic clock. */
  at: number;
  isOver: boolean;
  /** Whether it has stood in the list for a while; kept by the list. */
  isSettled: boolean;
  /** Must not throw. */
  expire(): void;
}

export interface DueListOptions {
  /** Monotonic, ms. @default performance.now */
  now?: () => number;
  /** Calls back once after `ms`; the returned function cancels. @default an unref'd setTimeout */
  after?: (ms: number, run: () => void) => () => void;
}

/** Most time between two looks, ms. */
const LOOK_MS = 50;
/** Entries may be late by so much, ms. */
const SLOT_MS = 10;
/** So many new entries are looked through at once: in a loop that never comes round no timer would run. */
const MOST_YOUNG = 4096;
/** So many entries that are over may stand among those that are not, or half as many as there are. */
const MOST_OVER = 1024;
/** A timer of Node's counts no further than 25 days, ms. */
const LONGEST_SLEEP_MS = 3_600_000;

/**
 * What is due some day, for things of which nearly all end long before: an entry costs one push into a list, and those that
 * are over are dropped from it together. A timer for each would cost ten times as much.
 */
export class DueList {
  readonly #now: () => number;
  readonly #after: (ms: number, run: () => void) => () => void;
  #cancel: () => void = () => {};
  #young: Due[] = [];
  /** Entries that were not over at a look, by the slot of time in which they are due. */
  readonly #slots = new Map<number, Due[]>();
  /** Entries in slots, and how many of them are over. */
  #settled = 0;
  #over = 0;
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

  /** It has ended in time. */
  done(due: Due): void {
    due.isOver = true;
    if (due.isSettled && ++this.#over > Math.max(MOST_OVER, this.#settled / 2)) this.#sweep();
  }

  /** Entries that are kept: not over, or not yet dropped. */
  get size(): number {
    return this.#young.length + this.#settled;
  }

  #schedule(wanted: number, now: number): void {
    const at = Math.min(wanted, now + LONGEST_SLEEP_MS);
    this.#lookAt = at;
    this.#cancel();
    this.#cancel = this.#after(Math.max(1, at - now), () => this.#look());
  }

  #look(): void {
    const now = this.#now();
    this.#lookAt = Number.POSITIVE_INFINITY;
    const young = this.#young;
    this.#young = [];
    this.#youngLimit = MOST_YOUNG;
    for (const due of young) if (!due.isOver) this.#settle(due, now);
    let nearest = Number.POSITIVE_INFINITY;
    for (const [slot, dues] of this.#slots) {
      if (slot * SLOT_MS > now) {
        nearest = Math.min(nearest, slot * SLOT_MS);
        continue;
      }
      this.#slots.delete(slot);
      this.#settled -= dues.length;
      for (const due of dues)
        if (due.isOver) this.#over--;
        else expire(due);
    }
    if (nearest !== Number.POSITIVE_INFINITY && nearest < this.#lookAt) this.#schedule(nearest, now);
  }

  #settle(due: Due, now: number): void {
    if (due.at <= now) {
      expire(due);
      return;
    }
    due.isSettled = true;
    this.#settled++;
    const slot = Math.ceil(due.at / SLOT_MS);
    const dues = this.#slots.get(slot);
    if (dues) dues.push(due);
    else this.#slots.set(slot, [due]);
  }

  /** Without it what is over would stay until its time has come, which may be hours. */
  #sweep(): void {
    for (const [slot, dues] of this.#slots) {
      const left = dues.filter((due) => !due.isOver);
      this.#settled -= dues.length - left.length;
      if (left.length === 0) this.#slots.delete(slot);
      else if (left.length < dues.length) this.#slots.set(slot, left);
    }
    this.#over = 0;
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

function unrefTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
