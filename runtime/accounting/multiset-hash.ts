import { hash } from "node:crypto";

const WORDS = 4;
const HEX = /^[0-9a-f]{32}$/;

/** What makes the numbers of one set differ from the same numbers of another one. */
export type Salt = Int32Array;

/** @param name of the numbers, as `heart-1/5f0c…/179123456` */
export function saltOf(name: string): Salt {
  const digest = hash("sha256", name, "buffer");
  return Int32Array.from({ length: WORDS }, (_, i) => digest.readInt32BE(i * 4));
}

/**
 * A hash of a multiset of numbers below 2^32 that does not depend on their order: the sum, in four words of 32 bits each,
 * of what MurmurHash3's finalizer makes of each number (MSet-Add-Hash of Clarke and others, 2003, with a mixing function
 * in place of a cryptographic one). It finds what got lost, and what was added; it does not withstand somebody who may
 * choose the numbers.
 */
export class MultisetHash {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  add(value: number, salt: Salt): void {
    this.#a = (this.#a + mix(value ^ salt[0]!)) | 0;
    this.#b = (this.#b + mix(value ^ salt[1]!)) | 0;
    this.#c = (this.#c + mix(value ^ salt[2]!)) | 0;
    this.#d = (this.#d + mix(value ^ salt[3]!)) | 0;
  }

  remove(value: number, salt: Salt): void {
    this.#a = (this.#a - mix(value ^ salt[0]!)) | 0;
    this.#b = (this.#b - mix(value ^ salt[1]!)) | 0;
    this.#c = (this.#c - mix(value ^ salt[2]!)) | 0;
    this.#d = (this.#d - mix(value ^ salt[3]!)) | 0;
  }

  /** Adds all numbers of another multiset. */
  join(other: MultisetHash): void {
    this.#a = (this.#a + other.#a) | 0;
    this.#b = (this.#b + other.#b) | 0;
    this.#c = (this.#c + other.#c) | 0;
    this.#d = (this.#d + other.#d) | 0;
  }

  equals(other: MultisetHash): boolean {
    return this.#a === other.#a && this.#b === other.#b && this.#c === other.#c && this.#d === other.#d;
  }

  /** 32 hex digits; the empty multiset has zeros alone. */
  toString(): string {
    return [this.#a, this.#b, this.#c, this.#d].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /** @throws TypeError for anything but 32 hex digits */
  static parse(text: string): MultisetHash {
    if (!HEX.test(text)) throw new TypeError(`${JSON.stringify(text)} is no multiset hash: 32 hex digits`);
    const read = new MultisetHash();
    read.#a = Number.parseInt(text.slice(0, 8), 16) | 0;
    read.#b = Number.parseInt(text.slice(8, 16), 16) | 0;
    read.#c = Number.parseInt(text.slice(16, 24), 16) | 0;
    read.#d = Number.parseInt(text.slice(24, 32), 16) | 0;
    return read;
  }
}

function mix(value: number): number {
  let word = value ^ (value >>> 16);
  word = Math.imul(word, 0x85ebca6b);
  word ^= word >>> 13;
  word = Math.imul(word, 0xc2b2ae35);
  return word ^ (word >>> 16);
}
