import type { Recorded } from "../record/recorder.ts";
import { MultisetHash, type Salt, saltOf } from "./multiset-hash.ts";
import type { EntriesRow } from "./report.ts";

interface Tally {
  salt: Salt;
  hash: MultisetHash;
  durable: number;
  bestEffort: number;
  dropped: number;
}

/** Both sides make the same hash of the same entries. */
export function entrySalt(node: string, instance: string, epoch: number): Salt {
  return saltOf(`entries/${node}/${instance}/${epoch}`);
}

/** Counts what a node records for the chain, by the epoch that stands in the entries' keys. */
export class EntryTally {
  readonly #node: string;
  readonly #instance: string;
  readonly #tallies = new Map<number, Tally>();
  /** The newest number that was recorded. What is dropped right away has a newer one. */
  #last = -1;

  constructor(node: string, instance: string) {
    this.#node = node;
    this.#instance = instance;
  }

  /** An entry that is counted nowhere else takes its number all the same. */
  skipped({ key }: Recorded): void {
    this.#last = Math.max(this.#last, seqOf(key));
  }

  recorded({ epoch, key, grade }: Recorded): void {
    const tally = this.#of(epoch);
    const seq = seqOf(key);
    this.#last = Math.max(this.#last, seq);
    tally.hash.add(seq, tally.salt);
    tally[grade === "durable" ? "durable" : "bestEffort"]++;
  }

  dropped({ epoch, key, grade }: Recorded): void {
    const tally = this.#of(epoch);
    const seq = seqOf(key);
    tally.dropped++;
    if (seq <= this.#last) tally.hash.remove(seq, tally.salt);
    else tally[grade === "durable" ? "durable" : "bestEffort"]++;
    this.#last = Math.max(this.#last, seq);
  }

  take(before: number): EntriesRow[] {
    const rows: EntriesRow[] = [];
    for (const [epoch, { durable, bestEffort, dropped, hash }] of this.#tallies) {
      if (epoch >= before) continue;
      this.#tallies.delete(epoch);
      rows.push({ epoch, durable, bestEffort, dropped, hash: hash.toString() });
    }
    return rows;
  }

  #of(epoch: number): Tally {
    let tally = this.#tallies.get(epoch);
    if (!tally) {
      const salt = entrySalt(this.#node, this.#instance, epoch);
      tally = { salt, hash: new MultisetHash(), durable: 0, bestEffort: 0, dropped: 0 };
      this.#tallies.set(epoch, tally);
    }
    return tally;
  }
}

function seqOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("/") + 1));
}
