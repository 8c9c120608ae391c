import type { PendingRecord, RecordSource } from "./record.ts";

const MOST_RECORDS = 10_000;
const MOST_BYTES = 8 * 1024 * 1024;

/** It counts as having room again below this share. */
const ROOM = 0.9;

/** Records of the grade "best effort": in memory, and lost with the process. */
export class MemoryBuffer implements RecordSource {
  #records: PendingRecord[] = [];
  #bytes = 0;

  get count(): number {
    return this.#records.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hasRoom(): boolean {
    return this.#records.length < MOST_RECORDS * ROOM && this.#bytes < MOST_BYTES * ROOM;
  }

  /** Returns false where it is full: the newest is what is dropped, since older ones are counted as recorded already. */
  add(record: PendingRecord): boolean {
    if (this.#records.length >= MOST_RECORDS || this.#bytes + record.text.length > MOST_BYTES) return false;
    this.#records.push(record);
    this.#bytes += record.text.length;
    return true;
  }

  next(count: number): Promise<PendingRecord[]> {
    return Promise.resolve(this.#records.slice(0, count));
  }

  settle(): void {
    const left = this.#records.filter(({ done }) => !done);
    this.#bytes = left.reduce((sum, { text }) => sum + text.length, 0);
    this.#records = left;
  }

  /** Empties it; for the end of the process. */
  take(): PendingRecord[] {
    const left = this.#records;
    this.#records = [];
    this.#bytes = 0;
    return left;
  }
}
