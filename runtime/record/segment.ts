import type { OutboxFiles } from "./files.ts";
import { formatLine, parseLines } from "./lines.ts";
import { type PendingRecord, recordOf } from "./record.ts";

export interface SegmentReading {
  files: OutboxFiles;
  damaged(path: string, why: string): void;
}

/** One file of an outbox, with those of its records that the chain does not have yet. */
export class Segment {
  readonly path: string;
  /** Bytes of the file that are known to be on disk. */
  size: number;
  #records: PendingRecord[] | undefined;

  /** @param size of a file that was there before: its records are read when their turn comes */
  constructor(path: string, size?: number) {
    this.path = path;
    this.size = size ?? 0;
    this.#records = size === undefined ? [] : undefined;
  }

  /** True once all its records are done. */
  get isSettled(): boolean {
    return this.#records?.length === 0;
  }

  add(records: readonly PendingRecord[]): void {
    for (const record of records) this.#records!.push(record);
  }

  /** Keeps the records on disk only, until their turn comes. */
  unload(): void {
    // Nothing says on disk which of them are done: those would be sent again, which does no harm but costs.
    this.#records = undefined;
  }

  /** @param damaged told of what cannot be read */
  async load({ files, damaged }: SegmentReading): Promise<readonly PendingRecord[]> {
    if (this.#records) return this.#records;
    const lines = parseLines(await files.read(this.path));
    if (lines.damaged > 0) damaged(this.path, `${lines.damaged} lines are not what was written`);
    this.#records = lines.texts.map(recordOf);
    return this.#records;
  }

  settle(): void {
    if (this.#records?.some(({ done }) => done)) this.#records = this.#records.filter(({ done }) => !done);
  }
}

/** The bytes of records as a segment has them. */
export function encode(records: readonly PendingRecord[]): Buffer {
  let text = "";
  for (const record of records) text += formatLine(record.text);
  return Buffer.from(text, "utf8");
}

/** The oldest records of segments. One that cannot be read holds up none of the others. */
export async function firstOf(
  segments: readonly Segment[],
  count: number,
  reading: SegmentReading,
): Promise<PendingRecord[]> {
  for (const segment of [...segments]) {
    try {
      const records = await segment.load(reading);
      if (records.length > 0) return records.slice(0, count);
    } catch (error) {
      reading.damaged(segment.path, (error as Error).message);
    }
  }
  return [];
}
