import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { LoopLag } from "../../../../runtime/concurrency/loop-lag.ts";

describe("the lag of the event loop", () => {
  test("is the time until it comes round, measured where a call asks for it", async () => {
    let now = 1000;
    let looks = 0;
    const lag = new LoopLag(() => {
      looks++;
      return now;
    });
    expect([lag.value, looks]).toEqual([0, 0]);
    lag.probe();
    lag.probe();
    now += 37;
    await turn();
    await turn();
    expect(lag.value).toBe(37);
    now += 5;
    const before = looks;
    lag.probe();
    await turn();
    await turn();
    // Not anew within ten milliseconds.
    expect([lag.value, looks - before]).toEqual([37, 2]);
    now += 101;
    expect(lag.value).toBe(0);
  });
});
