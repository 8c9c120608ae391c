import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalize, NotCanonical } from "../../../tlog/canonical-json.ts";
import { describeVectors } from "../../support/vectors.ts";

function refused(value: unknown, path?: string): NotCanonical {
  try {
    canonicalize(value, path);
  } catch (error) {
    if (error instanceof NotCanonical) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("canonical JSON", () => {
  test("has the spelling of RFC 8785", () => {
    expect(
      canonicalize({
        literals: [null, true, false],
        numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0],
        string: '\u20ac$\u000f\nA\'B"\\\\"/',
      }),
    ).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test("orders members by UTF-16 code units", () => {
    expect(canonicalize({ "\ufb33": 1, "\u{1f602}": 2, ö: 3, 10: 4, 2: 5, "": 6 })).toBe(
      '{"":6,"10":4,"2":5,"ö":3,"\u{1f602}":2,"\ufb33":1}',
    );
  });

  test("leaves out undefined members, and honours toJSON", () => {
    expect(canonicalize({ a: undefined, b: new Date(0), c: Object.assign(Object.create(null), { d: 1 }) })).toBe(
      '{"b":"1970-01-01T00:00:00.000Z","c":{"d":1}}',
    );
  });

  test.each([
    ["NaN", Number.NaN],
    ["an infinity", Number.NEGATIVE_INFINITY],
    ["a lone surrogate", "a\ud800"],
    ["an integer beyond 2^53-1", 2 ** 53],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["a map", new Map()],
    ["an instance of a class", new (class Course {})()],
    ["undefined in an array", [undefined]],
  ])("refuses %s", (_name, value) => {
    expect(refused({ value }).path).toMatch(/^value/);
  });

  test("says where the value is that it refuses", () => {
    expect(refused({ items: [1, 2, 3, { price: Number.NaN }] }, "data").path).toBe("data.items[3].price");
    expect(refused({ "a b": { "x\ud800": 1 } }, "data").path).toBe('data["a b"]["x\\ud800"]');
    expect(refused(Number.NaN).message).toBe("the value is NaN, which JSON cannot hold");
  });

  test("refuses cycles and nesting beyond 100", () => {
    const cycle: Record<string, unknown> = {};
    cycle["again"] = { cycle };
    expect(refused(cycle)).toMatchObject({ path: "again.cycle", why: "contains itself" });
    const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1)]);
    expect(canonicalize(nested(99))).toContain("[[]]");
    expect(refused(nested(100)).why).toBe("is nested deeper than 100");
  });

  test("says the same as before of what it has written (any JSON)", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        fc.pre(!/(?<![.\d])\d{16,}(?![.\d])/.test(JSON.stringify(value)));
        const text = canonicalize(value);
        expect(canonicalize(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describeVectors("canonical JSON: published vectors", "jcs", (path) => {
  test("every document of the reference implementation", () => {
    const names = readdirSync(path("input"));
    expect(names.length).toBeGreaterThanOrEqual(6);
    for (const name of names) {
      const text = canonicalize(JSON.parse(readFileSync(path(`input/${name}`), "utf8")));
      expect(text).toBe(readFileSync(path(`output/${name}`), "utf8"));
      const hex = readFileSync(path(`outhex/${name.replace(".json", ".txt")}`), "utf8").replace(/\s/g, "");
      expect(Buffer.from(text).toString("hex")).toBe(hex);
    }
  });

  test("10,000 numbers; whole ones beyond 2^53-1 that would look exact are refused", () => {
    const view = new DataView(new ArrayBuffer(8));
    const lines = readFileSync(path("es6_numbers_10000.csv"), "utf8").trim().split("\n");
    for (const line of lines) {
      const [bits, text] = line.split(",") as [string, string];
      view.setBigUint64(0, BigInt(`0x${bits}`));
      const value = view.getFloat64(0);
      if (/^-?\d{16,}$/.test(text) && !Number.isSafeInteger(value)) expect(refused(value).why).toContain("2^53-1");
      else expect(canonicalize(value)).toBe(text);
    }
    expect(lines.length).toBeGreaterThanOrEqual(10_000);
  });
});
