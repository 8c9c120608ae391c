import { describe, expect, test } from "@jest/globals";
import { parseLines } from "../../../runtime/record/lines.ts";
import { Outbox } from "../../../runtime/record/outbox.ts";
import type { PendingRecord } from "../../../runtime/record/record.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Fault, FaultyFiles } from "./faulty-files.ts";

const FOLDER = "/data/outbox/heart-1";

function record(n: number, size = 20): PendingRecord {
  const key = `heart-1/i/0/${n}`;
  const text = JSON.stringify({ idempotencyKey: key, eventType: "user.created", data: { n, pad: "x".repeat(size) } });
  return { key, eventType: "user.created", grade: "durable", epoch: 0, text, done: false };
}

function outbox(files: FaultyFiles, options: { segmentBytes?: number; maxBytes?: number; pace?: number } = {}) {
  const clock = new FakeClock();
  const told: (string | undefined)[] = [];
  const box = new Outbox({
    folder: FOLDER,
    instance: "i",
    files,
    clock,
    claim: () => {},
    ready: () => {},
    trouble: (why) => told.push(why),
    damaged: (path, why) => told.push(`${path}: ${why}`),
    pace: 0,
    ...options,
  });
  return { box, clock, told };
}

/** Lets all that has been started end; a disk in memory needs no time. */
const settle = async () => {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
};

const onDisk = (files: FaultyFiles) =>
  [...files.disk].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, bytes]) => parseLines(bytes).texts);

async function deliver(box: Outbox, count = 1000): Promise<string[]> {
  const records = await box.next(count);
  for (const one of records) one.done = true;
  box.settle();
  return records.map(({ text }) => text);
}

describe("an outbox", () => {
  test("writes what comes together in one go, and says so when it is on disk", async () => {
    const files = new FaultyFiles();
    const { box } = outbox(files);
    const records = [1, 2, 3].map((n) => record(n));
    const written = Promise.all(records.map((one) => box.put(one)));
    expect(files.disk.size).toBe(0);
    await written;
    expect(onDisk(files)).toEqual(records.map(({ text }) => text));
    expect(files.steps.filter((step) => step.startsWith("sync"))).toHaveLength(1);
  });

  test("has what was recorded written at the end of the turn, before it is synced", async () => {
    const files = new FaultyFiles();
    const { box } = outbox(files);
    await box.put(record(0));
    files.broken = { sync: "die before" };
    void box.put(record(1));
    await settle();
    expect(files.isDead).toBe(true);
    expect(onDisk(files)).toContain(record(1).text);
  });

  test("syncs at its pace what nobody waits for, and at once what somebody does", async () => {
    const files = new FaultyFiles();
    const { box, clock } = outbox(files, { pace: 10 });
    await box.put(record(0));
    const done: number[] = [];
    for (const n of [1, 2]) void box.put(record(n)).then(() => done.push(n));
    await settle();
    clock.advance(9);
    await settle();
    expect(done).toEqual([]);
    clock.advance(1);
    await settle();
    expect(done).toEqual([1, 2]);
    void box.put(record(3)).then(() => done.push(3));
    await box.put(record(4), true);
    expect(done).toEqual([1, 2, 3]);
  });

  test("gives the same records again until they are done", async () => {
    const { box } = outbox(new FaultyFiles());
    await Promise.all([1, 2, 3].map((n) => box.put(record(n))));
    const first = await box.next(2);
    expect(await box.next(2)).toEqual(first);
    first[0]!.done = true;
    box.settle();
    expect((await box.next(5)).map(({ key }) => key)).toEqual(["heart-1/i/0/2", "heart-1/i/0/3"]);
  });

  test("begins a new file at its size, and removes a file as soon as all of it is delivered", async () => {
    const files = new FaultyFiles();
    const { box } = outbox(files, { segmentBytes: 1000 });
    for (let n = 0; n < 40; n++) await box.put(record(n, 100));
    expect(files.disk.size).toBeGreaterThan(4);
    const all: string[] = [];
    while (!box.isEmpty) all.push(...(await deliver(box, 3)));
    expect(all).toEqual(Array.from({ length: 40 }, (_, n) => record(n, 100).text));
    await box.put(record(99));
    expect(files.disk.size).toBe(1);
  });

  test("leaves nothing on disk that is delivered, a moment after the last event", async () => {
    const files = new FaultyFiles();
    const { box, clock } = outbox(files);
    await box.put(record(1));
    await deliver(box);
    expect(files.disk.size).toBe(1);
    clock.advance(2000);
    await settle();
    expect(files.disk.size).toBe(0);
    await box.put(record(2));
    expect(onDisk(files)).toEqual([record(2).text]);
  });

  test("is full at its bound, and has room again when something is delivered", async () => {
    const { box, clock } = outbox(new FaultyFiles(), { maxBytes: 1000, segmentBytes: 300 });
    let taken = 0;
    for (let n = 0; box.hasRoomFor(record(n, 100).text.length); n++) {
      await box.put(record(n, 100));
      taken++;
    }
    expect(taken).toBe(5);
    while (!box.isEmpty) await deliver(box);
    clock.advance(2000);
    await settle();
    expect(box.hasRoomFor(record(9, 100).text.length)).toBe(true);
  });

  test.each<["write" | "sync", Fault]>([
    ["write", "EIO"],
    ["write", "ENOSPC"],
    ["sync", "EIO"],
  ])(
    "on a disk that refuses a %s with %s tells who waits, keeps the record, lets it be delivered from memory",
    async (step, fault) => {
      const files = new FaultyFiles();
      const { box, told } = outbox(files);
      files.broken = { [step]: fault };
      expect(await box.put(record(1))).toContain(fault);
      expect(await box.put(record(2))).toContain(fault);
      expect(told).toEqual([expect.stringContaining(fault)]);
      await settle();
      expect(onDisk(files)).toEqual([]);
      expect(await deliver(box)).toEqual([record(1).text, record(2).text]);
      expect(box.isEmpty).toBe(true);
    },
  );

  test("writes what it kept in memory as soon as the disk takes it", async () => {
    const files = new FaultyFiles();
    const { box, clock, told } = outbox(files);
    files.broken = { write: "ENOSPC" };
    await box.put(record(1));
    await settle();
    files.broken = {};
    clock.advance(100);
    await settle();
    expect(onDisk(files)).toEqual([record(1).text]);
    expect(told.at(-1)).toBeUndefined();
    await box.put(record(2));
    expect(onDisk(files)).toEqual([record(1).text, record(2).text]);
  });

  test("does not let a file that cannot be read hold up the others", async () => {
    const files = new FaultyFiles();
    const { box, told } = outbox(files, { segmentBytes: 100 });
    for (let n = 0; n < 10; n++) await box.put(record(n, 100));
    const lost = [...files.disk.keys()].find((path) => path.includes("000006"))!;
    files.disk.delete(lost);
    const all: string[] = [];
    for (let i = 0; i < 20; i++) all.push(...(await deliver(box)));
    expect(all).toHaveLength(9);
    expect(told).toContainEqual(expect.stringContaining("ENOENT"));
  });

  test("at the end of the process writes at once what waits", async () => {
    const files = new FaultyFiles();
    const { box } = outbox(files);
    await box.put(record(1));
    void box.put(record(2));
    box.rescue();
    expect(onDisk(files)).toEqual([record(1).text, record(2).text]);
  });
});

/** Records, delivers some, records more; returns what was said to be on disk and what the chain took. */
async function life(files: FaultyFiles) {
  const { box, clock } = outbox(files, { segmentBytes: 250 });
  const acknowledged: string[] = [];
  const delivered: string[] = [];
  const put = (n: number) => {
    const one = record(n, 60);
    void box.put(one).then((failure) => failure ?? acknowledged.push(one.text));
  };
  for (let n = 0; n < 12; n++) {
    put(n);
    if (n % 3 === 0) put(n + 100);
    await settle();
    if (n % 4 === 3 && !files.isDead) {
      const records = await Promise.race([box.next(2), settle().then(() => [])]);
      for (const one of records) {
        delivered.push(one.text);
        one.done = true;
      }
      box.settle();
    }
    clock.advance(5000);
    await settle();
  }
  return { acknowledged, delivered };
}

describe("an outbox whose process or disk fails", () => {
  test("loses nothing that was said to be on disk, at whichever step it dies", async () => {
    const clean = new FaultyFiles();
    await life(clean);
    const steps = clean.steps.length;
    expect(steps).toBeGreaterThan(20);
    for (let step = 0; step < steps; step++) {
      for (const fault of ["die before", "die within", "die after", "lose power"] as const) {
        const files = new FaultyFiles();
        files.faults.set(step, fault);
        const { acknowledged, delivered } = await life(files);
        const known = new Set([...onDisk(files), ...delivered]);
        const lost = acknowledged.filter((text) => !known.has(text));
        expect({ step: clean.steps[step], fault, lost }).toEqual({ step: clean.steps[step], fault, lost: [] });
      }
    }
  }, 60_000);

  test("loses nothing at all to a step that fails once", async () => {
    const clean = new FaultyFiles();
    await life(clean);
    for (let step = 0; step < clean.steps.length; step++) {
      for (const fault of ["EIO", "ENOSPC"] as const) {
        const files = new FaultyFiles();
        files.faults.set(step, fault);
        const { delivered } = await life(files);
        const known = new Set([...onDisk(files), ...delivered]);
        expect({ step: clean.steps[step], fault, known: known.size }).toEqual({
          step: clean.steps[step],
          fault,
          known: 16,
        });
      }
    }
  }, 60_000);
});
