/*
 * Ids of calls and events that carry the sender's epoch: `[<own id>-]<mark>-<epoch>-<number>`
 *
 *   5f0c2ab81d3e-2yn9ts-0004qz
 *
 * mark: 12 hex digits, new with each incarnation of a node; epoch and number (of the id in its epoch): 6 digits to base 36.
 */

const MARK_LENGTH = 12;
const DIGITS = 6;
const LENGTH = MARK_LENGTH + 2 * (DIGITS + 1);
const DASH = 45;
const BASE = 36;
const BASE_2 = BASE ** 2;
const BASE_4 = BASE ** 4;
const PAIRS = Array.from({ length: BASE_2 }, (_, i) => i.toString(BASE).padStart(2, "0"));

/** The mark of an incarnation, by the broker's instance id. */
export function markOf(instanceId: string): string {
  return instanceId
    .replace(/[^0-9a-z]/gi, "")
    .toLowerCase()
    .slice(0, MARK_LENGTH)
    .padEnd(MARK_LENGTH, "0");
}

/** Makes ids. No two are the same, of any node and incarnation. */
export class PacketIds {
  readonly #mark: string;
  #prefix = "";
  #number = 0;

  constructor(mark: string, epoch: number) {
    this.#mark = mark;
    this.begin(epoch);
  }

  /** @param epoch must not have been begun before */
  begin(epoch: number): void {
    this.#prefix = `${this.#mark}-${epoch.toString(BASE).padStart(DIGITS, "0")}-`;
    this.#number = 0;
  }

  next(): string {
    const number = this.#number++;
    const high = (number / BASE_4) | 0;
    const rest = number % BASE_4;
    return this.#prefix + PAIRS[high]! + PAIRS[(rest / BASE_2) | 0]! + PAIRS[rest % BASE_2]!;
  }
}

/** Reads ids into its own fields: a call must not cost an object. */
export class PacketIdReader {
  epoch = 0;
  number = 0;
  #id = "";

  /** False for an id of another form; the fields then mean nothing. */
  read(id: string): boolean {
    const length = id.length;
    if (length < LENGTH) return false;
    if (id.charCodeAt(length - DIGITS - 1) !== DASH || id.charCodeAt(length - 2 * DIGITS - 2) !== DASH) return false;
    this.#id = id;
    this.number = digitsOf(id, length - DIGITS);
    this.epoch = digitsOf(id, length - 2 * DIGITS - 1);
    return this.number >= 0 && this.epoch >= 0;
  }

  hasMark(mark: string): boolean {
    return this.#id.startsWith(mark, this.#id.length - LENGTH);
  }

  get mark(): string {
    return this.#id.slice(-LENGTH, MARK_LENGTH - LENGTH);
  }
}

/** -1 where one is no digit. */
function digitsOf(id: string, from: number): number {
  let value = 0;
  for (let i = from; i < from + DIGITS; i++) {
    const code = id.charCodeAt(i);
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 122 ? code - 87 : -1;
    if (digit < 0) return -1;
    value = value * BASE + digit;
  }
  return value;
}
