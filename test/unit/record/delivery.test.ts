import { describe, expect, test } from "@jest/globals";
import { type AppendResult, Delivery, type DeliveryOptions } from "../../../runtime/record/delivery.ts";
import { MemoryBuffer } from "../../../runtime/record/memory-buffer.ts";
import type { PendingRecord } from "../../../runtime/record/record.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const record = (n: number, size = 1): PendingRecord => ({
  key: `n/i/0/${n}`,
  eventType: "x",
  grade: "best-effort",
  epoch: 0,
  text: JSON.stringify({ n, pad: "x".repeat(size) }),
  done: false,
});
const ok = (n: number): AppendResult => ({ id: String(n), index: n });

function delivery(send: DeliveryOptions["send"], more: Partial<DeliveryOptions> = {}) {
  const clock = new FakeClock();
  const buffer = new MemoryBuffer();
  const sent: number[][] = [];
  const refused: [string, string][] = [];
  const troubles: (string | undefined)[] = [];
  const made = new Delivery({
    clock,
    isReachable: () => true,
    send: (texts) => {
      sent.push(texts.map((text) => JSON.parse(text).n));
      return send(texts);
    },
    refused: ({ key }, { code }) => refused.push([key, code]),
    trouble: (why) => troubles.push(why),
    settled: () => {},
    random: () => 0.5,
    ...more,
  });
  made.add(buffer);
  return { made, clock, buffer, sent, refused, troubles };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("delivery to the chain", () => {
  test("waits for others to share a call with, and keeps their order", async () => {
    const { made, clock, buffer, sent } = delivery(async (texts) => texts.map((_, n) => ok(n)));
    for (const n of [1, 2, 3]) {
      buffer.add(record(n));
      made.wake(20);
    }
    clock.advance(19);
    expect(sent).toEqual([]);
    clock.advance(1);
    await settle();
    expect(sent).toEqual([[1, 2, 3]]);
    expect(buffer.count).toBe(0);
    expect(made.delivered).toBe(3);
  });

  test("sends again what was not acknowledged, later and later, and says so once it lasts", async () => {
    let isUp = false;
    const { made, clock, buffer, sent, troubles } = delivery(async (texts) => {
      if (!isUp) throw new Error("the chain is away");
      return texts.map((_, n) => ok(n));
    });
    buffer.add(record(1));
    made.wake(0);
    const at: number[] = [];
    const start = clock.now();
    for (let ms = 0; ms <= 20_000; ms += 50) {
      const before = sent.length;
      clock.advance(50);
      await settle();
      if (sent.length > before) at.push(clock.now() - start);
      made.wake(20);
    }
    expect(at.slice(0, 6)).toEqual([50, 150, 350, 750, 1550, 3150]);
    expect(at.slice(-2)[1]! - at.slice(-2)[0]!).toBe(5000);
    expect(troubles[0]).toBe("the chain is away");
    isUp = true;
    clock.advance(5000);
    await settle();
    expect(buffer.count).toBe(0);
    expect(troubles.at(-1)).toBeUndefined();
  });

  test("rests while there is nobody to send to, also after a failure, and goes on when it is woken", async () => {
    let isThere = true;
    let looks = 0;
    const isReachable = () => {
      looks++;
      return isThere;
    };
    const send = async (texts: readonly string[]) => {
      if (!isThere) throw new Error("the chain has died");
      return texts.map((_, n) => ok(n));
    };
    const { made, clock, buffer } = delivery(
      (texts) => {
        isThere = looks > 1;
        return send(texts);
      },
      { isReachable },
    );
    buffer.add(record(1));
    made.wake(0);
    clock.advance(1);
    await settle();
    looks = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      clock.advance(10);
      await settle();
    }
    expect(looks).toBeLessThan(10);
    isThere = true;
    looks = 5;
    made.wake(0);
    clock.advance(1);
    await settle();
    expect(buffer.count).toBe(0);
  });

  test("gives up what the chain refuses for good, and nothing else", async () => {
    let round = 0;
    const { made, buffer, sent, refused, clock } = delivery(async (texts) => {
      round++;
      return texts.map((text, n) => {
        const { n: id } = JSON.parse(text);
        if (id === 2) return { refused: { code: "CHAIN_ENTRY_INVALID", detail: "too large", path: "data.x" } };
        if (id === 3 && round === 1) return { refused: { code: "CHAIN_BUSY", detail: "later" } };
        return ok(n);
      });
    });
    for (const n of [1, 2, 3, 4]) buffer.add(record(n));
    await made.run();
    expect(refused).toEqual([["n/i/0/2", "CHAIN_ENTRY_INVALID"]]);
    clock.advance(100);
    await settle();
    expect(sent).toEqual([[1, 2, 3, 4], [3]]);
    expect(buffer.count).toBe(0);
  });

  test("finds the one record that makes a whole call be refused", async () => {
    const { made, buffer, refused } = delivery(async (texts) => {
      if (texts.some((text) => JSON.parse(text).n === 7)) throw Object.assign(new Error("bad"), { code: 422 });
      return texts.map((_, n) => ok(n));
    });
    for (let n = 0; n < 20; n++) buffer.add(record(n));
    await made.run();
    expect(refused).toEqual([["n/i/0/7", "CHAIN_ENTRY_INVALID"]]);
    expect(buffer.count).toBe(0);
    expect(made.delivered).toBe(19);
  });

  test("makes calls that a bus can carry", async () => {
    const { made, buffer, sent } = delivery(async (texts) => texts.map((_, n) => ok(n)));
    for (let n = 0; n < 12; n++) buffer.add(record(n, 60_000));
    await made.run();
    expect(sent.map((batch) => batch.length)).toEqual([4, 4, 4]);
  });

  test("does not call a chain that is not there", async () => {
    let isThere = false;
    const { made, buffer, sent } = delivery(async (texts) => texts.map((_, n) => ok(n)), {
      isReachable: () => isThere,
    });
    buffer.add(record(1));
    await made.run();
    expect(sent).toEqual([]);
    isThere = true;
    await made.run();
    expect(sent).toEqual([[1]]);
  });

  test("does not take an answer that does not fit for an acknowledgement", async () => {
    const { made, buffer } = delivery(async () => [ok(1)]);
    buffer.add(record(1));
    buffer.add(record(2));
    await made.run();
    expect(buffer.count).toBe(2);
  });
});
