import { expect, test } from "@jest/globals";
import { accountedText } from "../../../cli/commands/chain/accounted.ts";

const NONE = { calls: 0, events: 0, entries: 0, reports: 0 };
const QUIET = { matched: NONE, missing: NONE, extra: NONE, declared: NONE, gaps: [], declarations: [], open: [] };

test("says that all is accounted for", () => {
  const matched = { calls: 1_234_567, events: 12, entries: 3, reports: 0 };
  expect(accountedText({ ...QUIET, matched })).toBe(
    [
      "calls accounted for: 100 % of 1,234,567",
      "events accounted for: 100 % of 12",
      "entries accounted for: 100 % of 3",
    ].join("\n"),
  );
});

test("never rounds a gap away, and names its nodes, its epoch and why", () => {
  const text = accountedText({
    ...QUIET,
    matched: { ...NONE, calls: 99_999_999 },
    missing: { ...NONE, calls: 1 },
    gaps: [
      {
        kind: "missing",
        from: "heart-1",
        to: "lungs-1",
        epoch: 179_123_456,
        calls: 1,
        why: "lungs-1 has not received it",
        unanswered: 1,
      },
    ],
  });
  expect(text).toContain("calls accounted for: 99.9999 % of 100,000,000");
  expect(text).toContain(
    "✖ missing: 1 call from heart-1 to lungs-1, epoch 179123456 (2026-10-05T21:09:20Z, 10 s): lungs-1 has not received it; 1 got no answer",
  );
});

test("tells what was declared, and what waits for whom", () => {
  const text = accountedText({
    ...QUIET,
    declared: { ...NONE, events: 2 },
    declarations: [{ kind: "declared", from: "a", to: "b", epoch: 1, events: 2, why: "b went down" }],
    open: [
      { from: "a", to: "b", epoch: 1, waitsFor: ["b"] },
      { from: "c", to: "b", epoch: 1, waitsFor: ["b"] },
      { from: "a", to: "c", epoch: 1, waitsFor: [] },
    ],
  });
  expect(text).toContain("events accounted for: 100 % of 2, 2 of them by a declaration");
  expect(text).toContain("· declared: 2 events from a to b");
  expect(text).toContain("2 accounts are open and wait for b");
  expect(text).toContain("1 account is open and waits for the next verdict");
});
