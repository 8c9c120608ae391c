import { join } from "node:path";
import { columnsFrame, MAGIC, type Row, readSegment, rowFrame } from "./frames.ts";
import type { HistoryDisk, SegmentFile } from "./history-disk.ts";

export interface SegmentRingOptions {
  folder: string;
  /** Files are `<name>-<number>.seg`. */
  name: string;
  disk: HistoryDisk;
  /** Kept in all; the oldest file goes as soon as the others hold so many. */
  rows: number;
  rowsOfSegment: number;
  /** Of all files together; then the oldest go before their time. */
  bytes: number;
}

interface SegmentInfo {
  number: number;
  rows: number;
  bytes: number;
  from: number;
  to: number;
}

export interface RingStats {
  rows: number;
  bytes: number;
  segments: number;
  /** ms since the epoch; null where there is nothing. */
  oldest: number | null;
  newest: number | null;
  /** Files of which not everything could be read. */
  damaged: number;
  /** Rows that went before their time, since there was no room. */
  shortened: number;
}

/** Many restarts leave many short files. */
const MOST_SEGMENTS = 500;

/** Rows in files, of which the oldest are thrown away. A file is written by one process only, and never again after it ended. */
export class SegmentRing {
  readonly #options: SegmentRingOptions;
  #segments: SegmentInfo[] = [];
  #open: { file: SegmentFile; info: SegmentInfo; columns: number } | undefined;
  #damaged = 0;
  #shortened = 0;

  constructor(options: SegmentRingOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { folder, name, disk } = this.#options;
    await disk.makeFolder(folder);
    const pattern = new RegExp(`^${name}-(\\d{1,12})\\.seg$`);
    const numbers = (await disk.list(folder)).flatMap((file) => pattern.exec(file)?.[1] ?? []).map(Number);
    this.#segments = [];
    for (const number of numbers.sort((a, b) => a - b)) {
      const bytes = await disk.read(this.#path(number)).catch(() => Buffer.alloc(0));
      const { rows, isWhole } = readSegment(bytes, "values");
      if (!isWhole) this.#damaged++;
      const info: SegmentInfo = { number, rows: 0, bytes: bytes.length, from: Infinity, to: -Infinity };
      for (const { at } of rows) note(info, at);
      this.#segments.push(info);
    }
    await this.#prune();
  }

  /**
   * @param keys of all columns, by number; further ones come at the end
   * @throws what the disk said; rows of which it is not known whether they were written may then be written again
   */
  async write(rows: readonly Row[], keys: readonly string[]): Promise<void> {
    let next = 0;
    while (next < rows.length) {
      const { file, info, columns } = this.#open ?? (await this.#create());
      const room = Math.min(rows.length - next, this.#options.rowsOfSegment - info.rows);
      const part = rows.slice(next, next + room);
      const width = part.reduce((most, { values }) => Math.max(most, values.length), columns);
      const frames = width > columns ? [columnsFrame(columns, keys.slice(columns, width))] : [];
      const bytes = Buffer.concat([...frames, ...part.map(rowFrame)]);
      try {
        await file.write(bytes);
      } catch (error) {
        // Half a frame may be there: what follows it would not be read.
        await this.#end();
        throw error;
      }
      this.#open!.columns = width;
      info.bytes += bytes.length;
      for (const { at } of part) note(info, at);
      next += room;
      if (info.rows >= this.#options.rowsOfSegment) await this.#end();
    }
    await this.#prune();
  }

  /** In the order in which they were written. */
  async *read(from: number, to: number): AsyncGenerator<{ keys: readonly string[]; rows: Row[] }> {
    for (const info of [...this.#segments]) {
      if (info.to < from || info.from > to) continue;
      const bytes = await this.#options.disk.read(this.#path(info.number)).catch(() => Buffer.alloc(0));
      const { keys, rows } = readSegment(bytes);
      yield { keys, rows: rows.filter(({ at }) => at >= from && at <= to) };
    }
  }

  /** Throws the oldest file away, so that there is room for something newer; never the last one in which there is anything. */
  async giveWay(): Promise<void> {
    const [oldest, ...others] = this.#segments;
    if (!oldest || oldest === this.#open?.info || !others.some(({ rows }) => rows > 0)) return;
    this.#shortened += oldest.rows;
    await this.#remove();
  }

  async close(): Promise<void> {
    await this.#end();
  }

  stats(): RingStats {
    const known = this.#segments.filter(({ rows }) => rows > 0);
    return {
      rows: known.reduce((sum, { rows }) => sum + rows, 0),
      bytes: this.#bytes(),
      segments: this.#segments.length,
      oldest: known.length > 0 ? Math.min(...known.map(({ from }) => from)) : null,
      newest: known.length > 0 ? Math.max(...known.map(({ to }) => to)) : null,
      damaged: this.#damaged,
      shortened: this.#shortened,
    };
  }

  async #create(): Promise<{ file: SegmentFile; info: SegmentInfo; columns: number }> {
    const { folder, disk } = this.#options;
    // Someone may have removed it meanwhile.
    await disk.makeFolder(folder);
    for (let number = (this.#segments.at(-1)?.number ?? 0) + 1; ; number++) {
      let file: SegmentFile;
      try {
        file = await disk.create(this.#path(number));
      } catch (error) {
        // Another process may still be there, and gets no file of ours.
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw error;
      }
      const info: SegmentInfo = { number, rows: 0, bytes: MAGIC.length, from: Infinity, to: -Infinity };
      this.#segments.push(info);
      this.#open = { file, info, columns: 0 };
      try {
        await file.write(MAGIC);
      } catch (error) {
        await this.#end();
        // A disk that stays full would soon have hundreds of empty files.
        this.#segments.pop();
        await disk.remove(this.#path(number)).catch(() => {});
        throw error;
      }
      return this.#open;
    }
  }

  async #end(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close().catch(() => {});
  }

  async #prune(): Promise<void> {
    const { rows, bytes } = this.#options;
    for (;;) {
      const [oldest] = this.#segments;
      if (!oldest || oldest === this.#open?.info) return;
      const others = this.#segments.reduce((sum, one) => sum + one.rows, 0) - oldest.rows;
      const isTooMuch = this.#bytes() > bytes || this.#segments.length > MOST_SEGMENTS;
      if (others < rows && !isTooMuch) return;
      if (others < rows) this.#shortened += oldest.rows;
      await this.#remove();
    }
  }

  async #remove(): Promise<void> {
    const oldest = this.#segments.shift()!;
    // Who has removed it already has done what was to be done.
    await this.#options.disk.remove(this.#path(oldest.number)).catch(() => {});
  }

  #bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #path(number: number): string {
    return join(this.#options.folder, `${this.#options.name}-${number}.seg`);
  }
}

function note(info: SegmentInfo, at: number): void {
  info.rows++;
  info.from = Math.min(info.from, at);
  info.to = Math.max(info.to, at);
}
