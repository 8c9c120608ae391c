import { beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import type { Lending } from "../../../../models/lending.ts";
import type { PoolReport } from "../../../../models/performance.ts";
import { NodeBalance } from "../../../../runtime/balance/node-balance.ts";
import { Admission } from "../../../../runtime/concurrency/admission.ts";
import { ConcurrencyLimits } from "../../../../runtime/concurrency/concurrency-limits.ts";
import { registerPool } from "../../../../runtime/pools/node-pools.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

let clock: FakeClock;
let admission: Admission;
let shares: number[];
let threads: number;
let balance: NodeBalance;
const nothing: Lending = { epoch: 1, lease: 15_000, share: 0, shed: [], throttle: [] };

beforeEach(() => {
  clock = new FakeClock();
  admission = new Admission(() => clock.now());
  shares = [];
  threads = 4;
  const broker = new ServiceBroker({ logger: false, nodeID: "brain-1" });
  const pool = (): PoolReport => ({
    name: "worker",
    kind: "worker",
    min: 1,
    max: 6,
    size: threads,
    inUse: 0,
    waiting: 0,
    uses: 0,
    useSum: 0,
    waitSum: 0,
    refused: 0,
  });
  registerPool(broker, {
    states: () => [pool()],
    resize: (_name, size) => {
      threads = Math.min(6, size);
      return threads;
    },
  });
  const share = {
    set: (percent: number) => {
      shares.push(percent);
      return { turned: percent ? ["niceness -1"] : [], not: [] };
    },
  };
  balance = new NodeBalance({ broker, limits: new ConcurrencyLimits(), admission, share, clock });
});

describe("What a node is lent", () => {
  test("ends by itself when nobody says it again", () => {
    balance.lend({ ...nothing, share: 25, shed: [{ priority: "low", share: 100 }] });
    clock.advance(14_999);
    expect([admission.isBounded, threads, shares]).toEqual([true, 5, [25]]);
    clock.advance(1);
    expect([admission.isBounded, threads, shares]).toEqual([false, 4, [25, 0]]);
    expect(balance.state()).toMatchObject({ share: 0, turned: [] });
  });

  test("lasts as long as it is said, without growing by that", () => {
    for (let i = 0; i < 10; i++) {
      balance.lend({ ...nothing, share: 25 });
      clock.advance(5000);
    }
    expect(threads).toBe(5);
    expect(balance.state().turned).toEqual(["niceness -1", "5 worker threads"]);
  });

  test("keeps within the bound of the worker threads, and leaves a size alone that the optimizer has changed", () => {
    balance.lend({ ...nothing, share: 100 });
    expect(threads).toBe(6);
    threads = 3;
    balance.lend(nothing);
    expect(threads).toBe(3);
  });

  test("is told by the newest engine alone, until it has fallen silent", () => {
    balance.lend({ ...nothing, epoch: 5, share: 25 });
    expect(() => balance.lend({ ...nothing, epoch: 4, share: 50 })).toThrow(
      expect.objectContaining({ type: "STALE_EPOCH", message: "Epoch 4 of the rules was replaced by 5" }),
    );
    clock.advance(15_000);
    expect(balance.lend({ ...nothing, epoch: 4, share: 50 }).share).toBe(50);
  });
});
