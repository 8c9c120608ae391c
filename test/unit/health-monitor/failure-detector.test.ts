import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Answer, FailureDetector } from "../../../services/nervous/health-monitor/failure-detector.ts";
import { History } from "../../../services/nervous/health-monitor/history.ts";

const ok: Answer = { status: "healthy" };
const bad: Answer = { status: "unhealthy" };
const late: Answer = { status: "unhealthy", late: true };
const half: Answer = { status: "degraded" };

function judged(...answers: Answer[]): string[] {
  const detector = new FailureDetector();
  return answers.map((answer) => detector.judge(answer));
}

describe("the failure detector", () => {
  test("changes nothing for one bad, late or degraded answer", () => {
    for (const one of [bad, late, half]) expect(judged(ok, one, ok, one, ok, one)).toEqual(Array(6).fill("healthy"));
  });

  test("believes two bad answers, or three of which one was late", () => {
    expect(judged(bad, bad)).toEqual(["healthy", "unhealthy"]);
    expect(judged(late, late, late)).toEqual(["healthy", "healthy", "unhealthy"]);
    expect(judged(bad, late, bad)).toEqual(["healthy", "healthy", "unhealthy"]);
    expect(judged(late, bad, bad)).toEqual(["healthy", "healthy", "unhealthy"]);
  });

  test("believes two degraded answers", () => {
    expect(judged(half, half, half)).toEqual(["healthy", "degraded", "degraded"]);
  });

  test("restores at once", () => {
    expect(judged(bad, bad, ok)).toEqual(["healthy", "unhealthy", "healthy"]);
    expect(judged(bad, bad, half, ok)).toEqual(["healthy", "unhealthy", "degraded", "healthy"]);
    expect(judged(half, half, ok)).toEqual(["healthy", "degraded", "healthy"]);
  });

  test("begins anew after a good answer", () => {
    expect(judged(late, late, ok, late, late, ok)).not.toContain("unhealthy");
  });

  test("takes other limits", () => {
    const detector = new FailureDetector({ failures: 1, late: 5 });
    expect([late, late, late, late, late].map((answer) => detector.judge(answer)).indexOf("unhealthy")).toBe(4);
    expect(new FailureDetector({ failures: 1 }).judge(bad)).toBe("unhealthy");
  });

  test("suspects exactly while the next answer may change its mind for the worse", () => {
    const suspects = (...answers: Answer[]) => {
      const detector = new FailureDetector();
      for (const answer of answers) detector.judge(answer);
      return detector.suspicious;
    };
    expect([suspects(ok), suspects(bad), suspects(late), suspects(half)]).toEqual([false, true, true, true]);
    expect([suspects(bad, bad), suspects(bad, ok)]).toEqual([false, false]);
    // Settled: asking a degraded service five times as often, for as long as it is degraded, tells nothing new.
    expect([suspects(half, half), suspects(half, half, half)]).toEqual([false, false]);
    expect(suspects(half, half, bad)).toBe(true);
  });

  test("is never unhealthy after fewer than two bad answers in a row, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(ok, bad, late, half)), (answers) => {
        const statuses = judged(...answers);
        for (const [i, status] of statuses.entries()) {
          if (status !== "unhealthy") continue;
          expect(answers[i]!.status).toBe("unhealthy");
          if (statuses[i - 1] !== "unhealthy") expect(answers[i - 1]?.status).toBe("unhealthy");
        }
      }),
    );
  });
});

describe("the history", () => {
  test("keeps the last hundred answers, oldest first, and hands out a copy", () => {
    const history = new History();
    for (let i = 0; i < 130; i++)
      history.add({ at: String(i), status: "healthy", responseTime: 1, uptime: i, checks: {} });
    const entries = history.entries();
    expect([entries.length, entries[0]!.at, entries.at(-1)!.at]).toEqual([100, "30", "129"]);
    entries.pop();
    expect(history.entries()).toHaveLength(100);
  });
});
