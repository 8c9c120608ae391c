import { describe, expect, test } from "@jest/globals";
import { NodeLife } from "../../../../services/brain/symbiotic-rules-engine/model/node-life.ts";

describe("the life of a node", () => {
  test("takes its reports in order, each kind by itself", () => {
    const life = new NodeLife("a");
    const take = (seq: number, kind = "vitals", instance = "a") => life.take(kind, instance, seq);
    expect([take(1), take(3), take(2), take(3), take(1, "performance"), take(4)]).toEqual([
      "next",
      "next",
      "late",
      "late",
      "next",
      "next",
    ]);
    expect([take(0, "vitals", "b"), take(5), take(1, "vitals", "b")]).toEqual(["reborn", "late", "next"]);
  });

  test("one absurd number does not silence a node for good", () => {
    const life = new NodeLife("a");
    const take = (seq: number) => life.take("vitals", "a", seq);
    take(7);
    expect(take(Number.MAX_SAFE_INTEGER)).toBe("next");
    expect([8, 9, 10, 11, 12, 13].map(take)).toEqual(["late", "late", "late", "late", "next", "next"]);
  });

  test("repetitions are never believed", () => {
    const life = new NodeLife("a");
    for (let seq = 1; seq <= 20; seq++) life.take("vitals", "a", seq);
    expect([4, 4, 4, 4, 4, 4, 4].map((seq) => life.take("vitals", "a", seq)).every((is) => is === "late")).toBe(true);
  });
});
