import { describe, expect, test } from "@jest/globals";
import type { Entry } from "../../../../services/muscles/performance-optimizer/records/book.ts";
import type { Knob, Proposal } from "../../../../services/muscles/performance-optimizer/tuning/knob.ts";
import { bestOf, candidatesOf } from "../../../../services/muscles/performance-optimizer/tuning/proposals.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { entry } from "./entry.ts";

const DAY_MS = 24 * 3_600_000;
const proposal = (change: string, expectedGain: number, actions = ["shop.find"]): Proposal => ({
  change,
  expectedGain,
  actions,
  reason: "it may help",
  undoing: {},
  apply: async () => {},
  undo: async () => {},
});
const knob = (kind: string, propose: Knob["propose"]): Knob => ({
  kind,
  propose,
  revive: () => ({ apply: async () => {}, undo: async () => {} }),
});

describe("candidates", () => {
  test("a knob that fails or does not answer is left out, and said", async () => {
    const clock = new FakeClock();
    const warned: string[] = [];
    const knobs = [
      knob("good", async () => [proposal("a", 0.1)]),
      knob("broken", () => Promise.reject(new Error("no reports"))),
      knob("mute", () => new Promise(() => {})),
    ];
    const asked = candidatesOf("shop", { knobs, clock, logger: { warn: (text) => warned.push(text) } });
    for (let i = 0; i < 5; i++) await Promise.resolve();
    clock.advance(20_000);
    expect((await asked).map(({ key }) => key)).toEqual(["good a"]);
    expect(warned.sort()).toEqual([
      "shop: no proposal of kind broken: no reports",
      "shop: no proposal of kind mute: no answer within 20 s",
    ]);
  });
});

describe("the best candidate", () => {
  const candidate = (change: string, gain: number, actions?: string[]) => ({
    knob: knob("setting", async () => []),
    proposal: proposal(change, gain, actions),
    key: `setting ${change}`,
  });
  const all = [candidate("a", 0.1), candidate("b", 0.3), candidate("c", 0.2), candidate("d", 0.9, [])];
  const now = Date.parse("2026-01-02T00:00:00Z");
  const best = (past: Entry[], ...tried: string[]) => bestOf(all, past, new Set(tried), now)?.proposal.change;
  const effect = {} as never;

  test("is what promises most of those whose effect can be seen", () => {
    expect(best([])).toBe("b");
    expect(best([], "setting b")).toBe("c");
    expect(best([], "setting a", "setting b", "setting c")).toBeUndefined();
  });

  test("is nothing that was seen not to help within a day", () => {
    const past = { change: "b", status: "taken-back", effect } as const;
    expect(best([entry({ ...past, at: new Date(now - DAY_MS + 1).toISOString() })])).toBe("c");
    expect(best([entry({ ...past, at: new Date(now - DAY_MS).toISOString() })])).toBe("b");
  });

  test("may be what was taken back without a verdict, or what another knob calls the same", () => {
    const at = new Date(now).toISOString();
    expect(best([entry({ change: "b", status: "taken-back", at })])).toBe("b");
    expect(best([entry({ change: "b", status: "taken-back", at, effect, kind: "index" })])).toBe("b");
  });
});
