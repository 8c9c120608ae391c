import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { HealingRecord } from "../../../models/healing.ts";
import { HealingLog } from "../../../services/nervous/master-orchestrator/healing/healing-log.ts";
import { healingStats } from "../../../services/nervous/master-orchestrator/healing/stats.ts";
import { Journal, readJournal } from "../../../services/nervous/master-orchestrator/journal.ts";
import {
  emptyState,
  fold,
  type JournalRecord,
  MAX_HEALING_RECORDS,
} from "../../../services/nervous/master-orchestrator/journal-state.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const at = "2026-01-01T00:00:00.000Z";
const identity = { pid: 4, startTime: "5", bootId: "b" };
const healingRecord = (change: Partial<HealingRecord> = {}): HealingRecord => ({
  id: "1",
  at,
  target: { node: "heart-1" },
  failure: "crashed",
  action: "restart-process",
  attempt: 1,
  success: true,
  observed: { before: "down", after: "up" },
  duration: 10,
  reason: "größer als gedacht",
  detection: 2,
  ...change,
});

const key = fc.constantFrom("heart-1", "program:tool", "ledger@heart-1");
const record: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({ type: fc.constant("epoch" as const), epoch: fc.nat(), at: fc.constant(at) }),
  fc.record({
    type: fc.constant("process" as const),
    key,
    identity: fc.constant(identity),
    incarnation: fc.nat(),
    at: fc.constant(at),
  }),
  fc.record({ type: fc.constant("gone" as const), key, at: fc.constant(at) }),
  fc.record({ type: fc.constant("incarnation" as const), key, incarnation: fc.nat() }),
  fc.record({
    type: fc.constant("scale" as const),
    organ: fc.constant("heart" as const),
    replicas: fc.nat(5),
    at: fc.constant(at),
  }),
  fc.record({ type: fc.constant("stop" as const), service: key, stopped: fc.boolean(), at: fc.constant(at) }),
  fc.record({ type: fc.constant("attempts" as const), key, attempts: fc.nat(3), exhausted: fc.boolean() }),
  fc.record({ type: fc.constant("healing" as const), record: fc.string().map((reason) => healingRecord({ reason })) }),
  fc.record({ type: fc.constant("launched" as const), at: fc.constant(at) }),
  fc.record({ type: fc.constant("down" as const), at: fc.constant(at) }),
);

describe("the journal", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-journal-"));
    path = join(folder, "orchestrator", "journal.ndjson");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("says after a restart what its records said, whatever they were", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), fc.array(record, { maxLength: 10 }), (first, second) => {
        rmSync(path, { force: true });
        const expected = emptyState();
        for (const batch of [first, second]) {
          const journal = new Journal(path);
          expect(journal.state).toEqual(expected);
          for (const one of batch) {
            fold(expected, one);
            journal.append(one);
          }
          // Killed here: nothing is closed in an orderly way, and nothing may be lost.
          expect(readJournal(path)).toEqual(expected);
          journal.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  test("ends before a last line that a crash cut short, and goes on after it", () => {
    const journal = new Journal(path);
    journal.append({ type: "epoch", epoch: 7, at });
    journal.close();
    appendFileSync(path, '{"type":"epoch","epo');
    expect(readJournal(path).epoch).toBe(7);
    const next = new Journal(path);
    next.append({ type: "launched", at });
    next.close();
    expect(readJournal(path)).toMatchObject({ epoch: 7, launched: true });
  });

  test.each(["null", "5", '"text"', "[]", '{"type":"tomorrow\'s"}', "\0\0\0"])(
    "reads on after a line that is %j",
    (line) => {
      const journal = new Journal(path);
      journal.close();
      appendFileSync(path, `${line}\n{"type":"epoch","epoch":3,"at":"${at}"}\n`);
      expect(readJournal(path).epoch).toBe(3);
    },
  );

  test("is replaced by a snapshot before it grows beyond its bound", () => {
    const journal = new Journal(path);
    const reason = "x".repeat(10_000);
    for (let i = 0; i < 450; i++)
      journal.append({ type: "healing", record: healingRecord({ reason: `${i % 2 ? reason : "s"}` }) });
    journal.append({ type: "epoch", epoch: 9, at });
    for (let i = 0; i < 400; i++) journal.append({ type: "healing", record: healingRecord({ reason }) });
    journal.close();
    expect(readFileSync(path).length).toBeLessThan(8 * 1024 * 1024);
    expect(readFileSync(path, "utf8").startsWith('{"type":"snapshot"')).toBe(true);
    expect(readJournal(path)).toEqual(journal.state);
    expect(readJournal(path).epoch).toBe(9);
  });

  test("is empty where there is none", () => {
    expect(readJournal(path)).toEqual(emptyState());
  });

  test("keeps a bounded number of healings", () => {
    const state = emptyState();
    for (let i = 0; i < MAX_HEALING_RECORDS + 5; i++)
      fold(state, { type: "healing", record: healingRecord({ id: String(i) }) });
    expect([state.healing.length, state.healing[0]!.id, state.restarts]).toEqual([1000, "5", 1005]);
  });

  test("tells a full disk, keeps what it could not write, and writes it whole when there is room again", () => {
    const script = resolve(import.meta.dirname, "full-disk-process.ts");
    // The soft limit behaves as a full disk; the process lifts it again itself.
    const { stdout, stderr } = spawnSync(
      "bash",
      ["-c", 'ulimit -S -f 2; exec "$0" "$1" "$2"', process.execPath, script, path],
      { encoding: "utf8" },
    );
    if (!stdout) throw new Error(stderr);
    expect(JSON.parse(stdout)).toEqual({ before: null, full: expect.stringContaining("EFBIG"), after: null });
    const state = readJournal(path);
    expect(state.healing.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 40 }, (_, i) => `größer → ${i} ${"ü".repeat(40 + i)}`),
    );
    for (const line of readFileSync(path, "utf8").trim().split("\n")) JSON.parse(line);
  });

  test("begins a line of its own where the former one was cut short and the disk is full", () => {
    const script = resolve(import.meta.dirname, "full-disk-process.ts");
    new Journal(path).close();
    const stops = Array.from(
      { length: 60 },
      (_, i) => `{"type":"stop","service":"${i}-${"x".repeat(40)}","stopped":true}\n`,
    );
    writeFileSync(path, `{"type":"epoch","epoch":4,"at":"${at}"}\n${stops.join("")}{"type":"ep`);
    const { stdout, stderr } = spawnSync(
      "bash",
      ["-c", 'ulimit -S -f 2; exec "$0" "$1" "$2"', process.execPath, script, path],
      { encoding: "utf8" },
    );
    if (!stdout) throw new Error(stderr);
    expect(readJournal(path)).toMatchObject({ epoch: 4 });
    expect(readJournal(path).healing).toHaveLength(40);
  });
});

describe("the healing log", () => {
  let folder: string;
  let clock: FakeClock;
  let log: HealingLog;
  let told: HealingRecord[];
  let journal: Journal;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-healing-"));
    clock = new FakeClock(Date.parse(at));
    journal = new Journal(join(folder, "journal.ndjson"));
    log = new HealingLog(clock, journal);
    told = [];
    log.on("healing", (one) => told.push(one));
  });
  afterEach(() => {
    journal.close();
    rmSync(folder, { recursive: true });
  });
  const found = {
    target: { node: "heart-1" },
    failure: "crashed" as const,
    before: "down: killed",
    detection: 3,
    evidence: ["its process has ended"],
  };

  test("tells each attempt, measured from the first moment of the failure", () => {
    log.begin("heart-1", found);
    log.attempt("heart-1", { attempt: 1, action: "restart-process" });
    clock.advance(100);
    log.failed("heart-1", "down", "it ended again");
    log.begin("heart-1", { ...found, before: "later" });
    log.attempt("heart-1", { attempt: 2, action: "restart-process" });
    clock.advance(50);
    log.succeeded("heart-1", "up", "it answers");
    expect(told).toMatchObject([
      {
        at,
        attempt: 1,
        success: false,
        duration: 100,
        observed: { before: "down: killed", after: "down" },
        reason: "it ended again",
      },
      { at, attempt: 2, success: true, duration: 150, observed: { before: "down: killed", after: "up" }, detection: 3 },
    ]);
    expect(log.isOpen("heart-1")).toBe(false);
    expect(journal.state.healing).toEqual(told);
  });

  test("tells nothing of a failure before the first attempt, nor of what was dropped or never failed", () => {
    log.begin("a", found);
    log.failed("a", "down", "again");
    log.drop("a");
    log.succeeded("a", "up", "fine");
    log.succeeded("never", "up", "fine");
    expect(told).toEqual([]);
  });
});

describe("healing statistics", () => {
  test("are percentiles of what was healed, and counts per failure", () => {
    const records = Array.from({ length: 100 }, (_, i) => healingRecord({ duration: 100 - i, detection: i + 1 }));
    records.push(healingRecord({ success: false, failure: "hung", duration: 9999, detection: 9999 }));
    expect(healingStats(records, 100)).toEqual({
      restarts: 100,
      detectMs: { p50: 50, p99: 99 },
      recoverMs: { p50: 50, p99: 99 },
      byFailure: { crashed: { healed: 100, failed: 0 }, hung: { healed: 0, failed: 1 } },
    });
    expect(healingStats([], 0)).toEqual({
      restarts: 0,
      detectMs: { p50: 0, p99: 0 },
      recoverMs: { p50: 0, p99: 0 },
      byFailure: {},
    });
  });
});
