import { type CoreTimes, coreTimes } from "../../../../runtime/core-times.ts";

/** Less time than this on each core says little, ms. */
const LEAST_MS = 500;

/** How busy the cores of this machine are, by whomever. To be asked every few seconds: it tells of the time since it was asked last. */
export class BusyCores {
  readonly #read: () => CoreTimes;
  #last: CoreTimes;
  #share: number | null = null;

  constructor(read: () => CoreTimes = coreTimes) {
    this.#read = read;
    this.#last = read();
  }

  /** 0 to 1; null until it is known. */
  share(): number | null {
    const now = this.#read();
    const [busy, idle] = [now.busy - this.#last.busy, now.idle - this.#last.idle];
    if (busy + idle >= LEAST_MS * now.cores) {
      this.#share = busy / (busy + idle);
      this.#last = now;
    }
    return this.#share;
  }
}
