import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { sampler } from "../../../runtime/tracing/sampling.ts";
import { formatTraceparent, parseTraceparent, traceIdOf } from "../../../runtime/tracing/traceparent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("a traceparent", () => {
  test("is read as the specification shows it, and written the same", () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(formatTraceparent(TRACE, SPAN)).toBe(text);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled).toBe(false);
  });

  test("of a later version is read as far as this one goes", () => {
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-03-what-comes`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
    });
  });

  test.each([
    ["nothing", undefined],
    ["several headers", [`00-${TRACE}-${SPAN}-01`]],
    ["a forbidden version", `ff-${TRACE}-${SPAN}-01`],
    ["more behind version 00", `00-${TRACE}-${SPAN}-01-x`],
    ["no trace", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["no span", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["capital letters", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["a request id", "b7c1c8b0-2f6e-4f7e-9c57-0d6b3a4c1234"],
  ])("is none: %s", (_what, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test("is none for any other text", () => {
    fc.assert(fc.property(fc.string(), (text) => parseTraceparent(text) === undefined));
  });
});

describe("the trace of a request", () => {
  test("is its id without dashes where that is a UUID", () => {
    expect(traceIdOf("0C2F1F3A-5B0E-4E9C-8E33-6A4C8E0D1B22")).toBe("0c2f1f3a5b0e4e9c8e336a4c8e0d1b22");
  });

  test("is always a valid trace id, and the same for the same request", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uuid(), fc.constant("00000000-0000-0000-0000-000000000000")), (id) => {
        expect(traceIdOf(id)).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
        expect(traceIdOf(id)).toBe(traceIdOf(id));
      }),
    );
  });
});

describe("sampling", () => {
  test.each([0.001, 0.01, 0.2, 0.5, 0.9])("takes about the share %d of requests whose ids only count on", (rate) => {
    const isSampled = sampler(rate);
    const count = 200_000;
    let sampled = 0;
    let row = 0;
    let longestRow = 0;
    for (let i = 0; i < count; i++) {
      const taken = isSampled(`5f0c2ab81d3e-2yn9ts-${i.toString(36).padStart(6, "0")}`);
      row = taken ? row + 1 : 0;
      longestRow = Math.max(longestRow, row);
      if (taken) sampled++;
    }
    const deviation = Math.sqrt(rate * (1 - rate) * count);
    expect(Math.abs(sampled - rate * count)).toBeLessThan(5 * deviation);
    // Of independent choices a row of n comes about count * rate^n times.
    expect(longestRow).toBeLessThan(Math.log(count * 1e6) / -Math.log(rate));
  });

  test("takes all at 1 and none at 0, and more of the same at a higher rate", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (id, rate) => {
        expect([sampler(1)(id), sampler(0)(id)]).toEqual([true, false]);
        if (sampler(rate)(id)) expect(sampler(Math.min(1, rate * 1.5))(id)).toBe(true);
      }),
    );
  });
});
