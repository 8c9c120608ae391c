import type { PendingRecord } from "./record.ts";
import { encode } from "./segment.ts";

/** Records that get to the disk together: one promise for all of them, since most have nobody who waits for just that one. */
export class Group {
  readonly records: PendingRecord[] = [];
  /** Somebody waits for one of them. */
  isUrgent = false;
  /** In memory. */
  characters = 0;
  /** On disk, once it is written. */
  bytes = 0;
  /** Resolves when they are on disk; with the reason where they are not, and wait in memory. */
  readonly done: Promise<string | undefined>;
  readonly settle: (failure?: string) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.done = promise;
    this.settle = resolve;
  }

  add(record: PendingRecord): void {
    this.records.push(record);
    this.characters += record.text.length;
  }

  encoded(): Buffer {
    const bytes = encode(this.records);
    this.bytes = bytes.length;
    return bytes;
  }
}
