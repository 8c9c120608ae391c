/** Harmony's last minutes, one slot for some seconds each. */
const SLOT_MS = 5000;
/** The mean is taken from 6 minutes ago to 1 minute ago. */
const FROM_MS = 360_000;
const TO_MS = 60_000;
/** Less than this much of it known is no mean to compare with. */
const LEAST_MS = 60_000;

/** How far harmony lies below what it was before, so that a drop is seen that ends above every fixed bound. */
export class ScoreTrail {
  #slots: { at: number; sum: number; count: number }[] = [];
  #now = 0;

  /** @param now monotonic, ms */
  add(score: number | null, now: number): void {
    this.#now = now;
    this.#slots = this.#slots.filter(({ at }) => now - at < FROM_MS);
    if (score === null || !Number.isFinite(score)) return;
    const last = this.#slots.at(-1);
    if (last && now - last.at < SLOT_MS) {
      last.sum += score;
      last.count++;
    } else this.#slots.push({ at: now, sum: score, count: 1 });
  }

  /** Points below the mean of before; negative above it, null where too little of it is known. */
  drop(score: number): number | null {
    const before = this.#slots.filter(({ at }) => this.#now - at >= TO_MS);
    if (before.length * SLOT_MS < LEAST_MS) return null;
    return before.reduce((sum, slot) => sum + slot.sum / slot.count, 0) / before.length - score;
  }
}
