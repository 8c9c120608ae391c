/** Numbers from here on are not kept: 4 MiB for one sender and epoch are enough. */
const LIMIT = 2 ** 25;
const FIRST_WORDS = 64;

/** A set of small numbers, one bit each. */
export class SeenNumbers {
  #words = new Uint32Array(FIRST_WORDS);

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** True the first time; always true for numbers beyond 2^25. */
  add(value: number): boolean {
    if (value >= LIMIT) return true;
    const word = value >>> 5;
    if (word >= this.#words.length) this.#grow(word);
    const bit = 1 << (value & 31);
    if ((this.#words[word]! & bit) !== 0) return false;
    this.#words[word]! |= bit;
    return true;
  }

  #grow(word: number): void {
    let length = this.#words.length;
    while (length <= word) length *= 2;
    const words = new Uint32Array(length);
    words.set(this.#words);
    this.#words = words;
  }
}
