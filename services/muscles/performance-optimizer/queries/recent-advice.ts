import { type Clock, sleep } from "../../../../runtime/clock.ts";
import type { AdviceFacts } from "../analysis/service-facts.ts";
import type { Advice } from "./advice.ts";

/** Advice on queries is asked for anew, ms. */
const FRESH_MS = 5 * 60_000;
const MOMENT_MS = 1000;

/** The newest advice on queries, for those who do not wait for another one. */
export class RecentAdvice {
  readonly #ask: (service?: string) => Promise<Advice[]>;
  /** Monotonic. */
  readonly #clock: Clock;
  #advice: Advice[] = [];
  /** When advice on all services was given. */
  #at = Number.NEGATIVE_INFINITY;

  constructor(ask: (service?: string) => Promise<Advice[]>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  get isFresh(): boolean {
    return this.#clock.now() - this.#at < FRESH_MS;
  }

  /** Asks anew, of one service or of all. */
  async give(service?: string): Promise<Advice[]> {
    const found = await this.#ask(service);
    if (service === undefined) {
      this.#advice = found;
      this.#at = this.#clock.now();
    } else this.#advice = [...this.#advice.filter((one) => one.service !== service), ...found];
    return found;
  }

  /** Asks anew where it is not fresh; not waited for any longer than a moment. */
  async refresh(service: string): Promise<void> {
    if (!this.isFresh) await Promise.race([this.give(service).catch(() => {}), sleep(this.#clock, MOMENT_MS)]);
  }

  /** As an analysis takes it. */
  factsOf(service: string): AdviceFacts[] {
    return this.#advice
      .filter((one) => one.service === service)
      .map(({ id, kind, what, evidence, expectedGain }) => ({
        kind,
        what: `${what}: azora optimizer apply ${id}`,
        why: evidence.join("; "),
        gain: expectedGain,
        of: "database",
      }));
  }
}
