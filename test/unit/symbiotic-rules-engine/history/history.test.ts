import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Columns } from "../../../../runtime/rules/columns.ts";
import {
  columnsFrame,
  MAGIC,
  readSegment,
  rowFrame,
} from "../../../../services/brain/symbiotic-rules-engine/history/frames.ts";
import { History } from "../../../../services/brain/symbiotic-rules-engine/history/history.ts";
import {
  type HistoryDisk,
  systemHistoryDisk,
} from "../../../../services/brain/symbiotic-rules-engine/history/history-disk.ts";
import { MinuteMeans } from "../../../../services/brain/symbiotic-rules-engine/history/minute-means.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const START = Date.parse("2026-01-01T00:00:00Z");

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "azora-history-")), "history");
});
afterEach(() => rm(join(folder, ".."), { recursive: true, force: true }));

class Bench {
  readonly clock = new FakeClock();
  readonly columns = new Columns();
  readonly history: History;
  at = START;

  constructor(options: Partial<ConstructorParameters<typeof History>[0]> = {}) {
    this.history = new History({ folder, clock: this.clock, ...options });
  }

  /** A second passes (or `ms`), at whose end these are the values. */
  add(values: Record<string, number>, ms = 1000): void {
    this.at += ms;
    this.clock.advance(ms);
    for (const [key, value] of Object.entries(values)) {
      const [system, ...metric] = key.split(".");
      this.columns.set(this.columns.column(system as "brain", metric.join("."))!, value, this.clock.now());
    }
    this.history.add(this.at, this.columns);
  }

  /** Lets what is being written come to its end. */
  async written(): Promise<void> {
    await this.history.read({ from: 0, to: 0 });
  }
}

/** A disk that can be full. */
class FullDisk implements HistoryDisk {
  isFull = false;
  makeFolder = systemHistoryDisk.makeFolder;
  list = systemHistoryDisk.list;
  read = systemHistoryDisk.read;
  remove = systemHistoryDisk.remove;

  async create(path: string) {
    const file = await systemHistoryDisk.create(path);
    return {
      close: () => file.close(),
      write: async (bytes: Uint8Array) => {
        if (!this.isFull) return file.write(bytes);
        await file.write(bytes.subarray(0, bytes.length >> 1));
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      },
    };
  }
}

describe("the history", () => {
  it("gives back what was recorded, to the last bit, also after a restart of the engine", async () => {
    const bench = new Bench();
    await bench.history.open();
    for (let i = 0; i < 12; i++) bench.add({ "brain.load": i / 3, "heart.load": i % 4 === 0 ? Number.NaN : i });
    const expected = {
      step: 1000,
      columns: ["heart.load", "brain.load"],
      rows: [
        { at: START + 9000, values: [null, 8 / 3] },
        { at: START + 10_000, values: [9, 3] },
      ],
    };
    const range = { from: START + 9000, to: START + 10_000, columns: ["heart.load", "brain.load"] };
    expect(await bench.history.read(range)).toEqual(expected);
    await bench.history.close();
    const next = new Bench();
    await next.history.open();
    expect(await next.history.read(range)).toEqual(expected);
    // Its columns have other numbers.
    next.at = bench.at;
    next.add({ "lungs.load": 7, "brain.load": 8 });
    expect(await next.history.read({ from: START + 12_000, to: START + 13_000 })).toEqual({
      step: 1000,
      columns: ["brain.load", "heart.load", "lungs.load"],
      rows: [
        { at: START + 12_000, values: [11 / 3, 11, null] },
        { at: START + 13_000, values: [8, null, 7] },
      ],
    });
    await next.history.close();
  });

  it("has columns that came later, and asks for unknown ones without complaint", async () => {
    const bench = new Bench();
    await bench.history.open();
    for (let i = 0; i < 7; i++) bench.add({ "brain.load": i });
    for (let i = 7; i < 14; i++) bench.add({ "brain.load": i, "heart.own.signups": 2 * i });
    const { rows } = await bench.history.read({
      from: START + 7000,
      to: START + 8000,
      columns: ["heart.own.signups", "no.such", "brain.load"],
    });
    expect(rows.map(({ values }) => values)).toEqual([
      [null, null, 6],
      [14, null, 7],
    ]);
    await bench.history.close();
  });

  it("keeps an hour of seconds, and no more", async () => {
    const bench = new Bench({ batch: 50 });
    await bench.history.open();
    for (let i = 0; i < 5000; i++) {
      bench.add({ "brain.load": i % 100 });
      if (i % 50 === 49) await bench.written();
    }
    const { seconds, dropped } = bench.history.stats();
    expect(dropped).toBe(0);
    expect(seconds.rows).toBeGreaterThanOrEqual(3600);
    expect(seconds.rows).toBeLessThanOrEqual(3900);
    expect(seconds.shortened).toBe(0);
    const hour = await bench.history.read({ from: bench.at - 3_599_000, to: bench.at });
    expect(hour.step).toBe(1000);
    expect(hour.rows).toHaveLength(3600);
    await bench.history.close();
  });

  it("keeps a day of minutes, and no more; an hour of yesterday is there by the minute", async () => {
    const bench = new Bench({ batch: 50 });
    await bench.history.open();
    for (let i = 0; i < 30 * 180; i++) {
      bench.add({ "brain.load": i % 3 }, 20_000);
      if (i % 50 === 49) await bench.written();
    }
    const { minutes, dropped } = bench.history.stats();
    expect(dropped).toBe(0);
    expect(minutes.rows).toBeGreaterThanOrEqual(1440);
    expect(minutes.rows).toBeLessThanOrEqual(1560);
    const day = await bench.history.read({ from: bench.at - 24 * 3_600_000 + 60_000, to: bench.at });
    expect(day.step).toBe(60_000);
    expect(day.rows.length).toBeGreaterThanOrEqual(1439);
    expect(day.rows[9]!.values).toEqual([1]);
    const hour = { from: bench.at - 22 * 3_600_000, to: bench.at - 21 * 3_600_000 };
    expect(await bench.history.read(hour)).toMatchObject({ step: 60_000 });
    await bench.history.close();
  });

  it("holds fewer rows where they would take more room than allowed, and counts what went before its time", async () => {
    const bench = new Bench({ bytes: 40_000, batch: 20 });
    await bench.history.open();
    const wide = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`brain.m${i}`, i]));
    for (let i = 0; i < 1500; i++) {
      bench.add(wide);
      if (i % 20 === 19) await bench.written();
    }
    const { seconds } = bench.history.stats();
    // One file may be open above that.
    expect(seconds.bytes).toBeLessThan(2 * 85_000);
    expect(seconds.shortened).toBeGreaterThan(0);
    await bench.history.close();
  });

  it("drops the half-written row of a process that was killed, and nothing else", async () => {
    const bench = new Bench();
    await bench.history.open();
    for (let i = 0; i < 20; i++) bench.add({ "brain.load": i });
    await bench.written();
    const file = join(folder, (await readdir(folder)).find((name) => name.startsWith("seconds"))!);
    const whole = (await readFile(file)).length;
    await truncate(file, whole - 3);
    const next = new Bench();
    await next.history.open();
    const { rows } = await next.history.read({ from: 0, to: START * 2, step: 1000 });
    expect(rows.map(({ values }) => values[0])).toEqual(Array.from({ length: 19 }, (_, i) => i));
    expect(next.history.stats().seconds).toMatchObject({ damaged: 1, rows: 19 });
    await next.history.close();
    await bench.history.close();
  });

  it("opens whatever stands in its folder, and takes nothing for a row that is none", async () => {
    const bench = new Bench();
    await bench.history.open();
    for (let i = 0; i < 10; i++) bench.add({ "brain.load": i });
    await bench.history.close();
    await writeFile(join(folder, "seconds-999.seg"), "something else");
    await writeFile(join(folder, "notes.txt"), "mine");
    await appendFile(join(folder, "seconds-1.seg"), Buffer.alloc(500, 7));
    const next = new Bench();
    await next.history.open();
    expect(next.history.stats().seconds).toMatchObject({ rows: 10, damaged: 2 });
    next.at = bench.at;
    for (let i = 0; i < 10; i++) next.add({ "brain.load": i });
    expect((await next.history.read({ from: 0, to: START * 2, step: 1000 })).rows).toHaveLength(20);
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe("mine");
    await next.history.close();
  });

  it("loses rows on a full disk, counts them, and goes on when there is room", async () => {
    const disk = new FullDisk();
    const bench = new Bench({ disk });
    await bench.history.open();
    for (let i = 0; i < 10; i++) bench.add({ "brain.load": i });
    await bench.written();
    disk.isFull = true;
    for (let i = 10; i < 210; i++) {
      bench.add({ "brain.load": i });
      await bench.written();
    }
    expect(bench.history.stats()).toMatchObject({ lastError: "no space left on device" });
    const { dropped, failedWrites } = bench.history.stats();
    expect(dropped).toBe(80);
    expect(failedWrites).toBeGreaterThan(10);
    expect(failedWrites).toBeLessThan(60);
    disk.isFull = false;
    bench.clock.advance(10_000);
    await bench.written();
    const { rows } = await bench.history.read({ from: 0, to: START * 2, step: 1000 });
    // 80 rows found no place. The only file there was did not make room for them.
    const kept = [...Array.from({ length: 10 }, (_, i) => i), ...Array.from({ length: 120 }, (_, i) => i + 90)];
    expect(rows.map(({ values }) => values[0])).toEqual(kept);
    await bench.history.close();
  });

  it("throws its oldest file away on a full disk, and leaves no empty ones", async () => {
    const disk = new FullDisk();
    const bench = new Bench({ disk });
    await bench.history.open();
    for (let i = 0; i < 610; i++) {
      bench.add({ "brain.load": i });
      if (i % 5 === 0) await bench.written();
    }
    await bench.written();
    expect(bench.history.stats().seconds).toMatchObject({ segments: 3, rows: 610 });
    disk.isFull = true;
    for (let i = 0; i < 290; i++) {
      bench.add({ "brain.load": i });
      await bench.written();
    }
    expect(bench.history.stats().seconds).toMatchObject({ segments: 2, rows: 310, shortened: 300 });
    await bench.history.close();
  });

  it("works without its folder: it opens, takes rows and answers with what it has", async () => {
    const failing = async () => Promise.reject(new Error("read-only file system"));
    const disk = { ...systemHistoryDisk, makeFolder: failing, create: failing, list: failing };
    const bench = new Bench({ disk });
    await bench.history.open();
    for (let i = 0; i < 10; i++) bench.add({ "brain.load": i });
    expect((await bench.history.read({ from: 0, to: START * 2, step: 1000 })).rows).toHaveLength(10);
    expect(bench.history.stats().lastError).toBe("read-only file system");
    await bench.history.close();
  });

  it("sorts rows by their time when the machine's clock was set back meanwhile", async () => {
    const bench = new Bench();
    await bench.history.open();
    for (let i = 0; i < 3; i++) bench.add({ "brain.load": i });
    bench.at -= 10_500;
    for (let i = 3; i < 6; i++) bench.add({ "brain.load": i });
    const { rows } = await bench.history.read({ from: 0, to: START * 2, step: 1000 });
    expect(rows.map(({ values }) => values[0])).toEqual([3, 4, 5, 0, 1, 2]);
    await bench.history.close();
  });

  it("refuses a range that is none, and one that holds more than one answer can", async () => {
    const bench = new Bench({ batch: 100 });
    await bench.history.open();
    await expect(bench.history.read({ from: 2, to: 1 })).rejects.toMatchObject({ type: "VALIDATION_ERROR" });
    const wide = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`brain.m${i}`, i]));
    for (let i = 0; i < 300; i++) {
      bench.add(i === 0 ? wide : {});
      if (i % 100 === 99) await bench.written();
    }
    await expect(bench.history.read({ from: 0, to: START * 2, step: 1000 })).rejects.toMatchObject({
      type: "VALIDATION_ERROR",
      message: expect.stringContaining("shorter time"),
    });
    await bench.history.close();
  });
});

describe("the file of a segment", () => {
  const row = fc.record({
    at: fc.integer({ min: 0, max: 4e12 }),
    values: fc.array(fc.double(), { maxLength: 20 }).map((values) => Float64Array.from(values)),
  });

  it("is read up to where it was cut off or damaged, and never beyond", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(), fc.nat(255), (rows, place, byte) => {
        const parts = [MAGIC, columnsFrame(0, ["brain.load", "heart.é"]), ...rows.map(rowFrame)];
        const bytes = Buffer.concat(parts);
        const whole = readSegment(bytes);
        expect(whole.isWhole).toBe(true);
        expect(whole.keys).toEqual(["brain.load", "heart.é"]);
        expect(whole.rows).toEqual(rows);
        const at = place % bytes.length;
        const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0));
        const least = Math.max(0, ends.filter((end) => end <= at).length - 2);
        expect(readSegment(bytes.subarray(0, at)).rows).toEqual(rows.slice(0, least));
        if (bytes[at] === byte) return;
        bytes[at] = byte;
        const damaged = readSegment(bytes);
        expect(damaged.isWhole).toBe(false);
        expect(damaged.rows).toEqual(rows.slice(0, least));
      }),
    );
  });
});

describe("minutes", () => {
  it("are the mean of what was known, and unknown where nothing was", () => {
    const means = new MinuteMeans();
    const ended = [];
    for (let i = 0; i < 130; i++) {
      const values = Float64Array.from(i < 60 ? [i, Number.NaN] : [Number.NaN, 5, i % 2 ? Number.NaN : 8]);
      ended.push(means.add({ at: START + i * 1000, values }) ?? []);
    }
    expect(ended.flat()).toEqual([
      { at: START + 60_000, values: Float64Array.from([29.5, Number.NaN]) },
      { at: START + 120_000, values: Float64Array.from([Number.NaN, 5, 8]) },
    ]);
    expect(means.end()).toEqual({ at: START + 130_000, values: Float64Array.from([Number.NaN, 5, 8]) });
    expect(means.end()).toBeUndefined();
  });
});
