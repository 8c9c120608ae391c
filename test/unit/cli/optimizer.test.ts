import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { historyTable, told } from "../../../cli/commands/optimizer/changes.ts";
import { percent, rate, size, time } from "../../../cli/commands/optimizer/figures.ts";
import { spends } from "../../../cli/commands/optimizer/metrics.ts";
import type { OptimizationRecord } from "../../../models/performance.ts";

describe("figures", () => {
  test.each([
    [0, "0 ms"],
    [0.0031, "3.1 µs"],
    [0.5, "0.5 ms"],
    [12.34, "12.3 ms"],
    [999, "999 ms"],
    [1500, "1.5 s"],
  ])("show %d ms as %s", (ms, shown) => expect(time(ms)).toBe(shown));

  test.each([
    [0, "0 %"],
    [0.0001, "<0.1 %"],
    [0.005, "0.5 %"],
    [0.931, "93 %"],
    [1, "100 %"],
    [null, "-"],
    [Number.NaN, "-"],
  ])("show the share %p as %s", (share, shown) => expect(percent(share)).toBe(shown));

  test("show rates and sizes in few digits", () => {
    expect([0, 0.01, 2.345, 240.4].map(rate)).toEqual(["0", "<0.1", "2.3", "240"]);
    expect([0, 2048, 5_000_000, -5_000_000, 3e9].map(size)).toEqual(["0 B", "2 KB", "4.77 MB", "-4.77 MB", "2.79 GB"]);
  });
});

test("what a service spends its time on is told from the longest part, small ones left out", () => {
  const waiting = [
    { service: "ledger", time: 6 },
    { service: "vault", time: 0.1 },
  ];
  expect(spends({ own: 3, waiting, queueing: 0.2, database: 1, gc: 0, parallel: 1 })).toBe(
    "ledger 58 %, own work 29 %, database 9.7 %",
  );
  expect(spends({ own: 0, waiting: [], queueing: 0, database: 0, gc: 0, parallel: 1 })).toBe("-");
});

describe("the history of changes", () => {
  const record: OptimizationRecord = {
    id: "o-1",
    at: "2026-11-20T15:00:00.123Z",
    service: "shop",
    kind: "index",
    change: "an index on orders (customer)",
    reason: "a scan",
    status: "kept",
    by: "operator",
  };
  const side = (mean: number, count = 100) => ({ count, mean, p50: mean, p95: mean });
  const lines = (records: OptimizationRecord[]) => stripVTControlCharacters(historyTable(records)).split("\n");

  test.each([
    ["kept", "azora optimizer take-back o-1"],
    ["measuring", "azora optimizer history"],
    ["taken-back", "a scan"],
    ["inconclusive", "a scan"],
  ] as const)("of one that is %s ends with what can be done about it, if anything", (status, last) => {
    expect(
      stripVTControlCharacters(told({ ...record, status }))
        .split("\n")
        .at(-1)!
        .trim(),
    ).toBe(last);
  });

  test("shows before, after and how sure that is", () => {
    const effect = {
      metric: "latency",
      unit: "µs",
      before: side(12_300),
      after: side(6150),
      ratio: 0.5,
      confidence: 0.99,
    };
    expect(lines([{ ...record, effect }])[1]).toBe(
      "2026-11-20 15:00:00  shop     index  kept    12.3 ms → 6.15 ms (-50 %)  99 %  an index on orders (customer)  o-1",
    );
  });

  test("says where nothing is known of the effect", () => {
    const effect = { metric: "latency", unit: "ms", before: side(0, 0), after: side(0, 0), ratio: 1, confidence: 0 };
    const [, unmeasured, begun] = lines([record, { ...record, status: "measuring", effect }]);
    expect(unmeasured).toMatch(/kept +- +- +an index/);
    expect(begun).toMatch(/measuring +not enough calls yet +0 % +an index/);
  });
});
