import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { LoopLag } from "../../../../runtime/concurrency/loop-lag.ts";

describe("the lag of the event loop", () => {
  test("is what the last call of a turn waited for those before it", async () => {
    let now = 1000;
    const lag = new LoopLag(() => now);
    expect(lag.value).toBe(0);
    for (let call = 0; call < 4; call++) {
      lag.probe();
      now += 10;
    }
    await turn();
    expect(lag.value).toBe(30);
  });

  test("is nothing for a call that holds up the loop by itself", async () => {
    let now = 1000;
    const lag = new LoopLag(() => now);
    for (let call = 0; call < 20; call++) {
      expect(lag.value).toBe(0);
      lag.probe();
      now += 50;
      await turn();
      await turn();
      now += 10;
    }
  });

  test("is over when the loop has come round without work, and goes on while there is some", async () => {
    let now = 1000;
    const lag = new LoopLag(() => now);
    const work = () => {
      lag.probe();
      lag.probe();
      now += 40;
    };
    work();
    await turn();
    expect(lag.value).toBe(20);
    work();
    await turn();
    expect(lag.value).toBe(20);
    await turn();
    expect(lag.value).toBe(0);
  });

  test("is not measured anew within ten milliseconds of a short turn, nor without a call", async () => {
    let now = 1000;
    let looks = 0;
    const lag = new LoopLag(() => {
      looks++;
      return now;
    });
    lag.probe();
    now += 1;
    await turn();
    await turn();
    expect(looks).toBe(2);
    now += 5;
    lag.probe();
    await turn();
    await turn();
    expect(looks).toBe(3);
    expect(lag.value).toBe(0);
  });
});
