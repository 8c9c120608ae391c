import { describe, expect, test } from "@jest/globals";
import type { ExecutionResult } from "../../../../models/rule-results.ts";
import type { RuleAction } from "../../../../models/rules.ts";
import type { Firing } from "../../../../services/brain/symbiotic-rules-engine/actions/firing.ts";
import { Firings, type FiringsOptions } from "../../../../services/brain/symbiotic-rules-engine/actions/firings.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { rule, settled, why } from "./actor.ts";

const heal: RuleAction = { type: "heal", target: "shop" };

function setUp(carryOut: FiringsOptions["performer"]["carryOut"], options: Partial<FiringsOptions> = {}) {
  const kept: ExecutionResult[] = [];
  const clock = new FakeClock();
  const firings = new Firings({
    performer: { carryOut },
    clock,
    wall: () => clock.now(),
    logger: { warn: () => {} },
    keep: async (result) => void kept.push(structuredClone(result)),
    ...options,
  });
  return { firings, kept, act: (id: string) => firings.act(rule(id, [heal]), why(id), "rules", false) };
}

describe("firings", () => {
  test("no more than fifty rules act at one time, and each once; the others are refused and counted", async () => {
    const end = Promise.withResolvers<void>();
    const { firings, act } = setUp(async (_firing, _action, done) => {
      await end.promise;
      done.status = "done";
      return undefined;
    });
    const answers = Array.from({ length: 50 }, (_, i) => act(`r${i}`));
    const what = async (id: string) => (await act(id)).actions[0]!.what;
    expect(await what("r0")).toBe("its last firing is still being carried out");
    expect(await what("one-more")).toBe("50 rules act already");
    expect(firings.skipped).toBe(2);
    end.resolve();
    expect((await Promise.all(answers)).every(({ actions }) => actions[0]!.status === "done")).toBe(true);
    expect((await act("one-more")).actions[0]!.status).toBe("done");
  });

  test("announce themselves once for all their actions, and know whether their rule is over", async () => {
    const announced: string[] = [];
    const seen: boolean[] = [];
    const carryOut = async (firing: Firing) => {
      await firing.announce();
      seen.push(firing.isOver());
      return undefined;
    };
    const { firings } = setUp(carryOut, {
      announce: async ({ id }) => void announced.push(id),
      isActive: (id) => id === "active",
    });
    await firings.act(rule("active", [heal, heal]), why("active"), "rules", false);
    await firings.act(rule("ended", [heal]), why("ended"), "rules", false);
    expect(announced).toEqual(["active", "ended"]);
    expect(seen).toEqual([false, false, true]);
  });

  test("are kept when they are carried out and again when their effect is told; who waits gets it, and so does who stops", async () => {
    const verdict = Promise.withResolvers<void>();
    let firing: Firing | undefined;
    const { firings, kept } = setUp(async (one, _action, done) => {
      firing = one;
      done.status = "done";
      return { ended: verdict.promise };
    });
    let isAnswered = false;
    const answer = firings.act(rule("r", [heal]), why("r"), "operator", true).then(() => {
      isAnswered = true;
    });
    await settled();
    expect([kept.length, isAnswered]).toEqual([1, false]);
    let isSettled = false;
    const stopped = firings.settled().then(() => {
      isSettled = true;
    });
    await settled();
    expect(isSettled).toBe(false);
    await firing!.tell();
    verdict.resolve();
    await Promise.all([answer, stopped]);
    expect(kept.map(({ id }) => id)).toEqual([kept[0]!.id, kept[0]!.id]);
  });
});
