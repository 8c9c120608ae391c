import { type CoreTimes, coreTimes } from "../../../../runtime/core-times.ts";

/** Core times advance in ticks of 10 ms: less than this on all cores together is noise, ms. */
const LEAST_TIME_MS = 400;

/** How busy this machine is, whoever works on it. */
export class Machine {
  readonly #read: () => Pick<CoreTimes, "busy" | "idle">;
  #last: Pick<CoreTimes, "busy" | "idle">;
  #busy = 0;

  constructor(read: () => Pick<CoreTimes, "busy" | "idle"> = coreTimes) {
    this.#read = read;
    this.#last = read();
  }

  /** Share of all cores in use lately; may be asked as often as one likes. */
  busy(): number {
    const now = this.#read();
    const [busy, idle] = [now.busy - this.#last.busy, now.idle - this.#last.idle];
    if (busy + idle >= LEAST_TIME_MS) {
      this.#last = now;
      // The worst of now and of a while ago: queues outlast the load that made them.
      const share = busy / (busy + idle);
      this.#busy = Math.max(share, 0.7 * this.#busy + 0.3 * share);
    }
    return this.#busy;
  }
}
