import { describe, expect, test } from "@jest/globals";
import type { Detection, HealingRecord } from "../../../models/healing.ts";
import { explain, story } from "../../../services/immune/auto-healer/explain.ts";
import { CaseBook } from "../../../services/immune/auto-healer/memory/case-book.ts";

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 8, 12, second)).toISOString();

const detection: Detection = {
  id: "c1",
  at: at(3),
  failure: "erroring",
  target: { service: "ledger", node: "heart-1" },
  evidence: ["14 of 20 calls failed in 10 s (`connect ECONNREFUSED 127.0.0.1:5432`)."],
  severity: "failure",
};

const record = (more: Partial<HealingRecord>): HealingRecord => ({
  id: "r1",
  at: at(4),
  target: { service: "ledger", node: "heart-1" },
  failure: "erroring",
  action: "reconnect",
  attempt: 1,
  success: true,
  observed: { before: "heart-1: closed", after: "heart-1: database open" },
  duration: 210,
  reason: "seen on heart-1",
  detection: 0,
  by: "healer",
  case: "c1",
  ...more,
});

function healedCase() {
  const book = new CaseBook();
  book.detected(detection, "connect ECONNREFUSED 127.0.0.1:5432");
  book.decided("c1", {
    chosen: "reconnect",
    why: "the errors speak of a connection; the cheapest that fits (about 200 ms)",
    alternatives: [
      { action: "restart", why: "it costs more (about 500 ms)" },
      { action: "scale-up", why: "more instances would fail in the same way" },
    ],
    at: at(4),
    mode: "on",
  });
  book.acted(record({}));
  return book;
}

describe("a case", () => {
  test("of the healer's own is over when its failure is, and counts what was lost", () => {
    const book = healedCase();
    expect(book.get("c1")).toMatchObject({
      outcome: "open",
      signature: "erroring|ledger|connect econnrefused <address>",
    });
    book.close("c1", "healed", at(10), 3);
    const [closed] = book.takeChanged();
    expect(closed).toMatchObject({
      id: "c1",
      outcome: "healed",
      closed: at(10),
      lost: 3,
      service: "ledger",
      node: "heart-1",
    });
    expect(book.size).toBe(0);
  });

  test("of the ladder's is over with an act that helped, or with quarantine", () => {
    const book = new CaseBook();
    const ladder = { by: "ladder", failure: "crashed", target: { node: "heart-1" } } as const;
    book.acted(record({ ...ladder, success: false, id: "r1", evidence: ["its sockets closed"] }));
    expect(book.get("c1")).toMatchObject({
      outcome: "open",
      failure: "crashed",
      detections: [{ evidence: ["its sockets closed"] }],
    });
    book.acted(record({ ...ladder, id: "r2", lost: 2 }));
    expect(book.takeChanged()).toMatchObject([{ outcome: "healed", lost: 2, acts: [{ id: "r1" }, { id: "r2" }] }]);
    book.acted(record({ ...ladder, id: "r3", case: "c2", action: "quarantine", success: false }));
    expect(book.takeChanged()).toMatchObject([{ outcome: "quarantined" }]);
  });

  test("of an operator is what was asked for, and over at once", () => {
    const book = new CaseBook();
    const { case: _case, ...asked } = record({
      by: "operator",
      failure: "none",
      id: "restart-web-service",
      success: false,
    });
    book.acted(asked);
    expect(book.takeChanged()).toMatchObject([{ id: "restart-web-service", failure: "none", outcome: "failed" }]);
  });

  test("holds each act once, and the first and the newest of many", () => {
    const book = healedCase();
    book.acted(record({}));
    expect(book.get("c1")!.acts).toHaveLength(1);
    for (let i = 0; i < 60; i++) book.acted(record({ id: `more-${i}`, success: false }));
    const { acts, omitted } = book.get("c1")!;
    expect([acts.length, omitted, acts[0]!.id, acts.at(-1)!.id]).toEqual([50, 11, "r1", "more-59"]);
  });

  test("that could not be stored is noted still", () => {
    const book = healedCase();
    const changed = book.takeChanged();
    book.putBack(changed);
    expect(book.takeChanged()).toEqual(changed);
    expect(book.takeChanged()).toEqual([]);
  });
});

describe("the story of a case", () => {
  test("is told in plain words: what was seen, what was chosen and why, what came of it", () => {
    const book = healedCase();
    book.close("c1", "healed", at(10), 3);
    expect(explain(book.takeChanged()[0]!)).toBe(
      "At 08:12:03 UTC on 2026-11-20 ledger on heart-1 was erroring: 14 of 20 calls failed in 10 s (`connect ECONNREFUSED 127.0.0.1:5432`). " +
        "Reconnect was chosen: the errors speak of a connection; the cheapest that fits (about 200 ms). " +
        "Not restart: it costs more (about 500 ms); not scale-up: more instances would fail in the same way. " +
        "Reconnect helped after 210 ms: seen on heart-1 (seen: heart-1: database open). " +
        "It was over after 7 s; 3 calls were lost.",
    );
  });

  test("tells attempts of the ladder on one rung as one step", () => {
    const book = new CaseBook();
    const decision = {
      chosen: "restart-in-place",
      alternatives: [{ action: "quarantine", why: "there are steps left" }],
    };
    for (const [attempt, duration] of [11, 63, 272].entries()) {
      const why = `it is the mildest step that is left (attempt ${attempt + 1} of 3)`;
      const more = { by: "ladder", failure: "unhealthy", success: false, action: "restart-in-place" } as const;
      book.acted(record({ ...more, id: `a${attempt}`, duration, decision: { ...decision, why }, reason: "no paper" }));
    }
    expect(explain(book.get("c1")!)).toContain(
      "Restart-in-place was chosen 3 times: it is the mildest step that is left. Not quarantine: there are steps left. " +
        "Restart-in-place did not help, seen after 11 ms, 63 ms, 272 ms: no paper.",
    );
  });

  test("says what healing before it breaks would have done", () => {
    const book = new CaseBook();
    const evidence = [
      "The heap of heart-1 has grown steadily for 2 min.",
      "At this slope out of memory in about 6 min.",
    ];
    book.detected({
      ...detection,
      failure: "leaking",
      severity: "warning",
      target: { node: "heart-1" },
      evidence,
      secondsLeft: 360,
    });
    const decision = { chosen: "restart", why: "a new process begins with nothing", alternatives: [], at: at(4) };
    book.decided("c1", { ...decision, mode: "shadow" });
    expect(explain(book.get("c1")!)).toBe(
      "At 08:12:03 UTC on 2026-11-20 heart-1 was leaking memory: the heap of heart-1 has grown steadily for 2 min. " +
        "At this slope out of memory in about 6 min. " +
        "Restart would have been chosen: a new process begins with nothing; healing before it breaks is in shadow mode, so nothing was done. " +
        "It is not over.",
    );
  });

  test("of an operator's act is short, and of nothing says so", () => {
    const book = new CaseBook();
    const { case: _case, ...asked } = record({
      by: "operator",
      failure: "none",
      action: "restart",
      reason: "it was restarted",
    });
    book.acted(asked);
    expect(explain(book.takeChanged()[0]!)).toBe(
      "At 08:12:04 UTC on 2026-11-20 restart of ledger on heart-1 was asked for. It helped after 210 ms: it was restarted (seen: heart-1: database open).",
    );
  });

  test("of a quarantine tells of failed trials once", () => {
    const book = new CaseBook();
    const trial = (n: number) => {
      const more = { case: `t${n}`, at: at(n), success: false, by: "ladder", failure: "unhealthy" } as const;
      book.acted(record({ ...more, id: `t${n}a`, action: "trial" }));
      book.acted(record({ ...more, id: `t${n}b`, action: "quarantine" }));
    };
    for (const n of [10, 20, 30]) trial(n);
    const told = story(book.takeChanged(), 5);
    expect(told.map(({ id }) => id)).toEqual(["t30"]);
    expect(told[0]!.text).toMatch(/^2 trials before this one failed too\./);
    expect(story([], 5)).toEqual([]);
  });
});
