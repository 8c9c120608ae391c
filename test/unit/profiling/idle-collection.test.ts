import { beforeEach, describe, expect, test } from "@jest/globals";
import { IdleCollection } from "../../../runtime/profiling/idle-collection.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const MB = 2 ** 20;

describe("collection while idle", () => {
  let clock: FakeClock;
  let node: { busy: number; used: number };
  let idle: IdleCollection;
  beforeEach(() => {
    clock = new FakeClock();
    node = { busy: 0, used: 50 * MB };
    idle = new IdleCollection({
      clock,
      utilisation: () => node.busy,
      heapUsed: () => node.used,
      collect: () => {
        const before = node.used;
        node.used = 50 * MB;
        return { before, after: node.used, pause: 5 };
      },
    });
  });

  test("is off until it is switched on", () => {
    node.used = 500 * MB;
    clock.advance(10_000);
    expect(idle.runs).toBe(0);
  });

  test("waits until there is garbage, and until the node has nothing to do", () => {
    idle.start();
    clock.advance(5000);
    expect(idle.runs).toBe(0);
    node.busy = 0.4;
    node.used = 90 * MB;
    clock.advance(5000);
    expect(idle.runs).toBe(0);
    node.busy = 0.02;
    clock.advance(5000);
    expect(idle.runs).toBe(1);
  });

  test("does not take for garbage what V8 has collected itself, or what stays", () => {
    idle.start();
    node.used = 30 * MB;
    clock.advance(1000);
    node.used = 61 * MB;
    clock.advance(1000);
    expect(idle.runs).toBe(0);
    node.used = 62 * MB;
    clock.advance(1000);
    expect(idle.runs).toBe(1);
  });

  test("ends when it is switched off", () => {
    idle.start();
    idle.start();
    idle.stop();
    node.used = 500 * MB;
    clock.advance(10_000);
    expect(idle.runs).toBe(0);
    expect(idle.on).toBe(false);
  });
});
