import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatLine, parseLines } from "../../../runtime/record/lines.ts";

const json = fc.jsonValue().map((value) => JSON.stringify(value));

describe("lines of an outbox file", () => {
  test("come back as they were written, whatever is in them", () => {
    fc.assert(
      fc.property(fc.array(json), (texts) => {
        const bytes = Buffer.from(texts.map(formatLine).join(""));
        expect(parseLines(bytes)).toEqual({ texts, damaged: 0 });
      }),
    );
  });

  test("that a crash cut off anywhere give the whole ones before the cut, and count nothing as damaged", () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 1 }), fc.nat(), (texts, at) => {
        const bytes = Buffer.from(texts.map(formatLine).join(""));
        const cut = bytes.subarray(0, at % bytes.length);
        const { texts: left, damaged } = parseLines(cut);
        expect(left).toEqual(texts.slice(0, left.length));
        expect(left).toHaveLength(cut.filter((byte) => byte === 10).length);
        expect(damaged).toBe(0);
      }),
    );
  });

  test("take no other one along when a byte of them changes", () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (texts, at, flip) => {
        const bytes = Buffer.from(texts.map(formatLine).join(""));
        bytes[at % bytes.length]! ^= flip;
        const { texts: left } = parseLines(bytes);
        expect(texts.filter((text) => !left.includes(text)).length).toBeLessThanOrEqual(2);
        for (const text of left) expect(texts).toContain(text);
      }),
    );
  });
});
