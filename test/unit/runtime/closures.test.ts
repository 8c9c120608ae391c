import { describe, expect, test } from "@jest/globals";
import type { Closure } from "../../../models/healing.ts";
import { Closures } from "../../../runtime/closures/closures.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const closed = (...closures: Closure[]): Closures => {
  const list = new Closures(new FakeClock(10_000));
  list.take({ epoch: 1, seq: 1, closures });
  return list;
};
const ledger = { service: "ledger", why: "given up after 7 attempts", trialAt: 40_500 };

describe("the list of closed services", () => {
  test("refuses calls of a service in quarantine, and says why and when it is tried again", () => {
    expect(closed(ledger).detourOf("ledger.add")).toMatchObject({
      refused: {
        type: "SERVICE_QUARANTINED",
        code: 503,
        message: "ledger is out of use: given up after 7 attempts",
        data: { action: "ledger.add", service: "ledger", why: "given up after 7 attempts", retryAfter: 31 },
      },
    });
  });

  test("promises no time where none is known", () => {
    const { trialAt: _trialAt, ...endless } = ledger;
    const { refused } = closed(endless).detourOf("ledger.add") as { refused: { data: object } };
    expect(refused.data).toEqual({ action: "ledger.add", service: "ledger", why: ledger.why });
  });

  test.each(["ledger2.add", "led.add", "vault.open", "ledger", ""])("says nothing of %s", (action) => {
    expect(closed(ledger).detourOf(action)).toBeUndefined();
  });

  test("knows versions, and dots in the name of an action", () => {
    const list = closed({ service: "v2.ledger", why: "x" });
    expect(list.detourOf("v2.ledger.books.add")).toHaveProperty("refused");
    expect(list.detourOf("ledger.add")).toBeUndefined();
  });

  test("sends calls to the standby's action of the same name", () => {
    expect(closed({ ...ledger, standby: "v2.vault" }).detourOf("ledger.books.add")).toEqual({
      to: "v2.vault.books.add",
    });
  });

  test("follows the standby of a standby, and refuses where they end in a circle", () => {
    const a = { service: "a", why: "a is ill", standby: "b" };
    const b = { service: "b", why: "b is ill", standby: "c" };
    expect(closed(a, b).detourOf("a.x")).toEqual({ to: "c.x" });
    const circle = closed(a, b, { service: "c", why: "c is ill", standby: "a" }).detourOf("a.x");
    expect(circle).toMatchObject({ refused: { message: "a is out of use, and so is its standby c: c is ill" } });
  });

  test("is the newest by epoch and number, and knows nothing of what it replaced", () => {
    const list = new Closures();
    expect(list.take({ epoch: 2, seq: 5, closures: [ledger] })).toBe(true);
    expect(list.take({ epoch: 2, seq: 5, closures: [] })).toBe(false);
    expect(list.take({ epoch: 2, seq: 4, closures: [] })).toBe(false);
    expect(list.take({ epoch: 1, seq: 9, closures: [] })).toBe(false);
    expect(list.list()).toEqual([ledger]);
    expect(list.take({ epoch: 3, seq: 0, closures: [] })).toBe(true);
    expect([list.list(), list.detourOf("ledger.add")]).toEqual([[], undefined]);
  });
});
