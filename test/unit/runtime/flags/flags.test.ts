import { describe, expect, test } from "@jest/globals";
import { Flags } from "../../../../runtime/flags/flags.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

describe("Flags", () => {
  test("are what the rules last said, for this node, until their lease is over", () => {
    const clock = new FakeClock();
    const flags = new Flags("brain-1", clock);
    expect(flags.get("short", false)).toBe(false);
    flags.take({
      lease: 15_000,
      flags: [
        { flag: "short", value: true, nodes: ["brain-1"] },
        { flag: "far", value: 3, nodes: ["heart-1"] },
        { flag: "quality", value: 0.5 },
      ],
    });
    expect(flags.all()).toEqual({ short: true, quality: 0.5 });
    expect(flags.get("quality", 1)).toBe(0.5);
    expect(flags.get("far", 0)).toBe(0);
    clock.advance(15_000);
    expect(flags.get("short", false)).toBe(false);
    expect(flags.all()).toEqual({});
  });

  test("of another type than is asked for are not there", () => {
    const flags = new Flags("brain-1", new FakeClock());
    flags.take({ lease: 1000, flags: [{ flag: "short", value: "yes" }] });
    expect(flags.get("short", false)).toBe(false);
  });

  test.each([
    undefined,
    null,
    3,
    {},
    { lease: -1, flags: [] },
    { lease: Number.NaN, flags: [] },
    { lease: 1000, flags: 5 },
    {
      lease: 1000,
      flags: [null, 4, { flag: 5, value: true }, { flag: "a", value: {} }, { flag: "b", value: true, nodes: 7 }],
    },
  ])("take nothing from %j", (nonsense) => {
    const flags = new Flags("brain-1", new FakeClock());
    flags.take(nonsense);
    expect(flags.all()).toEqual({});
  });
});
