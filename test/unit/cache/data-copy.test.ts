import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canBeShared, cloneData, copyData } from "../../../runtime/cache/data-copy.ts";

describe("a copy of data", () => {
  test("is equal, shares nothing, and JSON gives back what it says", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const copy = copyData(value)!;
        expect(copy.value).toEqual(value);
        expect(copy.isJson).toBe(true);
        expect(cloneData(copy.value)).toEqual(value);
        expect(JSON.parse(JSON.stringify(copy.value))).toEqual(JSON.parse(JSON.stringify(value)));
        if (typeof value === "object" && value !== null) expect(copy.value).not.toBe(value);
      }),
    );
    const inner = { list: [{ deep: { n: 1 } }] };
    const copy = copyData(inner)!.value as typeof inner;
    copy.list[0]!.deep.n = 2;
    const second = cloneData(inner) as typeof inner;
    second.list[0]!.deep.n = 3;
    expect(inner.list[0]!.deep.n).toBe(1);
  });

  test("keeps dates, buffers, maps and sets what they are", () => {
    const value = {
      at: new Date(7),
      bytes: Buffer.from("abc"),
      floats: new Float64Array([1.5]),
      map: new Map([["k", { n: 1 }]]),
      set: new Set([{ n: 1 }]),
      big: 10n,
      nothing: undefined,
    };
    for (const copy of [copyData(value)!.value, cloneData(value)] as (typeof value)[]) {
      expect(copy).toEqual(value);
      expect(copy.bytes).not.toBe(value.bytes);
      expect(copy.map.get("k")).not.toBe(value.map.get("k"));
      expect([...copy.set][0]).not.toBe([...value.set][0]);
    }
    for (const part of [value.at, value.bytes, value.map, value.set, value.big, Number.NaN, [undefined], () => 1])
      expect(copyData({ part })!.isJson).toBe(false);
    // JSON leaves such a field out, and who reads it gets undefined all the same.
    expect(copyData({ nothing: undefined })!.isJson).toBe(true);
  });

  test("gives instances of other classes as they are", () => {
    class Own {
      readonly #secret = 1;
      get secret(): number {
        return this.#secret;
      }
    }
    const own = new Own();
    const { value, isJson } = copyData({ own })!;
    expect([(value as { own: Own }).own, isJson]).toEqual([own, false]);
    expect((cloneData({ own }) as { own: Own }).own.secret).toBe(1);
  });

  test("is not led to another prototype by a field of that name", () => {
    const value = JSON.parse('{"a":{"__proto__":{"polluted":true},"b":[{"__proto__":{"x":1}}]}}');
    for (const copy of [copyData(value)!.value, cloneData(value)] as { a: object }[]) {
      expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
      expect((copy.a as { polluted?: boolean }).polluted).toBeUndefined();
      expect(Object.getPrototypeOf(copy.a)).toBe(Object.prototype);
    }
  });

  test("is refused where it is too large, too deep, or never ends, and costs no more than its limit", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["me"] = cyclic;
    expect(copyData(cyclic)).toBeUndefined();
    expect(copyData("x".repeat(1000), 1000)).toBeUndefined();
    let shared: unknown = "leaf";
    for (let i = 0; i < 40; i++) shared = [shared, shared];
    const start = performance.now();
    expect(copyData(shared, 100_000)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(500);
  });

  test("is measured near what V8 takes", () => {
    const rows = (n: number) =>
      Array.from({ length: n }, (_, id) => ({
        id,
        name: `name ${id}`,
        price: id * 1.5,
        tags: ["a", "b"],
        text: "é".repeat(50),
      }));
    const { bytes } = copyData(rows(1000))!;
    // 1000 rows of such a kind were seen to take 225 to 258 KB of heap.
    expect(bytes).toBeGreaterThan(180_000);
    expect(bytes).toBeLessThan(430_000);
    expect(copyData("x".repeat(10_000))!.bytes).toBeLessThan(10_100);
    expect(copyData("字".repeat(10_000))!.bytes).toBeGreaterThan(20_000);
  });

  test("cannot be made of what is read once", () => {
    const shared = [1, null, undefined, "a", {}, [], Buffer.from("a")].map(canBeShared);
    expect(new Set(shared)).toEqual(new Set([true]));
    const once = [Readable.from([1]), new ReadableStream(), (async function* () {})(), () => 1].map(canBeShared);
    expect(new Set(once)).toEqual(new Set([false]));
  });
});
