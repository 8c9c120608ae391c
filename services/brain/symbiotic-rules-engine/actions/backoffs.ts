/** Time before what made things worse is tried again, ms; doubled each time in a row. */
const FIRST_MS = 300_000;
const LONGEST_MS = 3_600_000;
const MOST = 1000;

/** What made things worse, and until when it is left alone. */
export class Backoffs {
  readonly #known = new Map<string, { until: number; times: number; why: string }>();

  worse(rule: string, target: string, lever: string, why: string, now: number): void {
    const key = keyOf(rule, target, lever);
    const times = (this.#known.get(key)?.times ?? 0) + 1;
    this.#known.delete(key);
    this.#known.set(key, { times, why, until: now + Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(10, times - 1)) });
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
  }

  helped(rule: string, target: string, lever: string): void {
    this.#known.delete(keyOf(rule, target, lever));
  }

  /** Undefined where it may be tried. */
  left(rule: string, target: string, lever: string, now: number): { ms: number; why: string } | undefined {
    const known = this.#known.get(keyOf(rule, target, lever));
    return known && known.until > now ? { ms: known.until - now, why: known.why } : undefined;
  }
}

const keyOf = (rule: string, target: string, lever: string) => `${rule}\n${target}\n${lever}`;
