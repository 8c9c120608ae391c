import { type Finding, keyOf } from "./finding.ts";

interface Watched {
  finding: Finding;
  seen: number;
  missed: number;
  told: boolean;
}

/** What has changed with a look. */
export interface Changes {
  begun: Finding[];
  ended: Finding[];
}

/** A finding counts once it was seen at several looks in a row, and is over once it was missed at several. */
export class Persistence {
  readonly #looks: number;
  readonly #misses: number;
  readonly #watched = new Map<string, Watched>();

  constructor(looks = 3, misses = 5) {
    this.#looks = looks;
    this.#misses = misses;
  }

  take(findings: readonly Finding[]): Changes {
    const changes: Changes = { begun: [], ended: [] };
    const seen = new Set<string>();
    for (const finding of findings) {
      const key = keyOf(finding);
      seen.add(key);
      const watched = this.#watched.get(key) ?? { finding, seen: 0, missed: 0, told: false };
      Object.assign(watched, { finding, seen: watched.seen + 1, missed: 0 });
      this.#watched.set(key, watched);
      if (watched.told || watched.seen < this.#looks) continue;
      watched.told = true;
      changes.begun.push(finding);
    }
    for (const [key, watched] of this.#watched) {
      if (seen.has(key)) continue;
      watched.missed++;
      if (watched.told ? watched.missed < this.#misses : watched.missed < 2) continue;
      this.#watched.delete(key);
      if (watched.told) changes.ended.push(watched.finding);
    }
    return changes;
  }

  /** What was told and is not over, as it was seen last. */
  open(): Finding[] {
    return [...this.#watched.values()].filter(({ told }) => told).map(({ finding }) => finding);
  }
}
