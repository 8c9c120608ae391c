import { describe, expect, test } from "@jest/globals";
import { Parts } from "../../../services/brain/symbiotic-rules-engine/parts.ts";

describe("parts of the engine", () => {
  const setUp = () => {
    const said: string[] = [];
    const clock = { now: 0 };
    return { said, clock, parts: new Parts(() => clock.now, { warn: (text) => said.push(text) }) };
  };
  const fail = () => {
    throw new Error("no room");
  };

  test("a failure stays in its part, is shown while it lasts, and is over when the part works again", () => {
    const { parts } = setUp();
    expect(parts.run("history", fail)).toBeUndefined();
    parts.run("history", fail);
    expect(parts.run("rules", () => 7)).toBe(7);
    expect(parts.failures).toEqual({ history: "no room (2 times)" });
    parts.run("history", () => {});
    expect(parts.failures).toEqual({});
  });

  test("a failure that goes on is logged once a minute", () => {
    const { parts, said, clock } = setUp();
    for (; clock.now < 120_000; clock.now += 1000) parts.run("history", fail);
    expect(said).toEqual(["history: no room", "history: no room"]);
  });
});
