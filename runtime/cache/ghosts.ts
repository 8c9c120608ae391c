const LEAST_SLOTS = 1024;
/** Slots for each key that is to be remembered: with so many only one in eight is overwritten before its time. */
const SPARE = 4;

/**
 * Remembers the last so many keys that were added, by a number of 32 bits each, without an object for any: a table of
 * numbers and of when each came, as the authors of S3-FIFO propose. Where two fall into one slot the older one is forgotten.
 */
export class Ghosts {
  #numbers = new Uint32Array(LEAST_SLOTS);
  #addedAt = new Uint32Array(LEAST_SLOTS);
  #added = 0;
  #most = 0;

  /** @param number of a key @param most additions for which each one is remembered, from now on */
  add(number: number, most: number): void {
    if (SPARE * most > this.#numbers.length) this.#grow(SPARE * most);
    this.#most = most;
    this.#added = (this.#added + 1) >>> 0;
    this.#put(number, this.#added);
  }

  /** Forgets it. @returns whether it was remembered */
  take(number: number): boolean {
    const slot = number & (this.#numbers.length - 1);
    if (this.#numbers[slot] !== number || !this.#isYoung(this.#addedAt[slot]!)) return false;
    this.#numbers[slot] = 0;
    return true;
  }

  #isYoung(addedAt: number): boolean {
    return (this.#added - addedAt) >>> 0 < this.#most;
  }

  #put(number: number, addedAt: number): void {
    const slot = number & (this.#numbers.length - 1);
    this.#numbers[slot] = number;
    this.#addedAt[slot] = addedAt;
  }

  #grow(least: number): void {
    const [numbers, addedAt] = [this.#numbers, this.#addedAt];
    const slots = 2 ** Math.ceil(Math.log2(least));
    this.#numbers = new Uint32Array(slots);
    this.#addedAt = new Uint32Array(slots);
    for (let i = 0; i < numbers.length; i++)
      if (numbers[i] !== 0 && this.#isYoung(addedAt[i]!)) this.#put(numbers[i]!, addedAt[i]!);
  }
}

/** The number of a key, by FNV-1a; 0 is no key's. */
export function ghostOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  // The last step of MurmurHash3: the slot is made of the low bits alone.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0 || 1;
}
