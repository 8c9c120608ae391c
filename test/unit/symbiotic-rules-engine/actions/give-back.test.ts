import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nextStep } from "../../../../services/brain/symbiotic-rules-engine/actions/give-back.ts";
import type { Held } from "../../../../services/brain/symbiotic-rules-engine/actions/held.ts";

const base = { target: "heart", rule: "r", since: 0, ended: 0 };
const held = fc.oneof(
  fc
    .record({
      priority: fc.constantFrom("high", "medium", "low"),
      share: fc.integer({ min: 1, max: 100 }),
    })
    .map((value) => ({ ...base, kind: "shed", lever: "admission", value }) as Held),
  fc
    .integer({ min: 1, max: 1e6 })
    .map((rate) => ({ ...base, kind: "throttle", lever: "rate", value: { rate } }) as Held),
  fc
    .integer({ min: -50, max: 100 })
    .filter((percent) => percent !== 0)
    .map((percent) => ({ ...base, kind: "share", lever: "cpu-share", value: { percent } }) as Held),
  fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }))
    .map(
      ([before, more]) =>
        ({ ...base, kind: "nodes", lever: "instances", value: { organ: "heart", before, to: before + more } }) as Held,
    ),
);

describe("Giving back", () => {
  test("comes to its end in a quiet time, in steps each of which takes less", () => {
    fc.assert(
      fc.property(held, (one) => {
        let now = 0;
        let current = one;
        for (let steps = 0; steps < 20; steps++) {
          now += 400_000;
          const step = nextStep(current, { need: 0, rest: 10_000, now });
          expect(step).toBeDefined();
          if (step === "release") return;
          expect(strength({ ...current, value: step } as Held)).toBeLessThan(strength(current));
          current = { ...current, value: step, changed: now } as Held;
        }
        throw new Error("it never ended");
      }),
    );
  });

  test("never begins while the rule is active, nor while more than the rest could bear is needed", () => {
    fc.assert(
      fc.property(held, (one) => {
        const { ended: _ended, ...active } = one;
        expect(nextStep(active as Held, { need: 0, rest: 0, now: 1e9 })).toBeUndefined();
        if (one.kind === "nodes" || (one.kind === "share" && one.value.percent > 0))
          expect(nextStep(one, { need: 70, rest: 0, now: 1e9 })).toBeUndefined();
      }),
    );
  });

  test("of nodes leaves as many as the highest need wants", () => {
    const of = (need: number) =>
      nextStep(
        { ...base, kind: "nodes", lever: "instances", value: { organ: "heart", before: 1, to: 4 } },
        { need, rest: 0, now: 1e6 },
      );
    expect(of(52)).toEqual({ organ: "heart", before: 1, to: 3 });
    // 53 % of four nodes would be 71 % of three.
    expect(of(53)).toBeUndefined();
  });
});

function strength({ kind, value }: Held): number {
  if (kind === "shed")
    return (
      ["low", "medium", "high"].indexOf((value as { priority: string }).priority) * 100 +
      (value as { share: number }).share
    );
  if (kind === "throttle") return -(value as { rate: number }).rate;
  if (kind === "share") return Math.abs((value as { percent: number }).percent);
  return (value as { to: number }).to;
}
