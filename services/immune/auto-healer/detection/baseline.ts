import { median } from "./trend.ts";

interface Window {
  at: number;
  /** ms */
  p95: number;
  /** Calls in a second. */
  rate: number;
}

/**
 * What is usual for a service: the median of its windows' p95, and of how often it is called. p95 is held against p95,
 * because a service of which every tenth call is slow by nature is not ill.
 */
export class Baseline {
  readonly #kept: number;
  #usual: Window[] = [];
  #unusual: Window[] = [];

  /** @param kept ms */
  constructor(kept: number) {
    this.#kept = kept;
  }

  get size(): number {
    return this.#usual.length;
  }

  /** ms */
  p95(): number {
    return median(this.#usual.map(({ p95 }) => p95));
  }

  /** Calls in a second. */
  rate(): number {
    return median(this.#usual.map(({ rate }) => rate));
  }

  /**
   * An unusual window does not make itself usual by lasting, until it has lasted as long as what is kept: then that is
   * how the service is now.
   */
  add(window: Window, unusual: boolean): void {
    if (unusual) {
      this.#unusual.push(window);
      if (window.at - this.#unusual[0]!.at < this.#kept) return;
      this.#usual = this.#unusual;
    } else {
      this.#usual.push(window);
    }
    this.#unusual = [];
    this.#usual = this.#usual.filter(({ at }) => at > window.at - this.#kept);
  }
}
