import { describe, expect, test } from "@jest/globals";
import { checkMetadata } from "../../../runtime/discovery/metadata.ts";

const problemsOf = (healing: unknown) =>
  checkMetadata({ healing }).map(({ field, problem, remedy }) => `${field} ${problem}: ${remedy}`);

describe("how a service wants to be healed", () => {
  test("is taken as it is when it is right", () => {
    expect(
      problemsOf({
        attempts: 3,
        backoff: [0, 500],
        jitter: 0,
        stableAfter: 1000,
        intensity: { restarts: 5, period: 60_000 },
        trialEvery: 30_000,
        strategy: "rest-for-one",
        standby: "spare",
        actions: [
          { type: "data-repair", action: "repair", failures: ["erroring"], timeout: 500, cooldown: 0, cost: 50 },
        ],
      }),
    ).toEqual([]);
  });

  test.each([
    [{ attempts: 0 }, "metadata.healing.attempts is 0: must be a whole number from 1 to 100"],
    [
      { backoff: [-1] },
      "metadata.healing.backoff is [-1]: must be a list of 1 to 100 times in ms, each up to 86400000",
    ],
    [{ strategy: "all" }, 'metadata.healing.strategy is "all": must be one of one-for-one, rest-for-one, one-for-all'],
    [
      { intensity: { restarts: 5 } },
      'metadata.healing.intensity is {"restarts":5}: must be {restarts: 1 to 1000, period: 1000 to 86400000 ms}',
    ],
    [{ atempts: 3 }, "metadata.healing.atempts is 3: must be known; did you mean attempts?"],
    [
      { actions: [{ type: "Bad Name", action: "x" }] },
      'metadata.healing.actions[0].type is "Bad Name": must be small letters, digits and -, 1 to 40 characters',
    ],
    [{ actions: [{ type: "data-repair" }] }, "metadata.healing.actions[0].action is missing: must be a text"],
    [[], "metadata.healing is []: must be an object"],
  ])("%j is refused with the field, the value and what is allowed", (healing, said) => {
    expect(problemsOf(healing)).toEqual([said]);
  });
});
