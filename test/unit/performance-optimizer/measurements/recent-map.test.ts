import { describe, expect, test } from "@jest/globals";
import { RecentMap } from "../../../../services/muscles/performance-optimizer/measurements/recent-map.ts";

describe("a map of what is heard of", () => {
  test("makes each once, and gives it again", () => {
    const map = new RecentMap<object>(2, () => {});
    const first = map.hear("a", 1, () => ({}));
    expect(map.hear("a", 2, () => ({}))).toBe(first);
    expect([map.size, map.has("a"), map.get("a"), map.keys()]).toEqual([1, true, first, ["a"]]);
  });

  test("takes no more than there is room for, counts the others, and goes on hearing of what it knows", () => {
    let full = 0;
    const map = new RecentMap<number>(2, () => full++);
    expect(["a", "b", "c", "a"].map((key, at) => map.hear(key, at, () => at))).toEqual([0, 1, undefined, 0]);
    expect(full).toBe(1);
  });

  test("forgets what was not heard of for long, and has room again", () => {
    const map = new RecentMap<number>(2, () => {});
    map.hear("a", 1000, () => 1);
    map.hear("b", 1000, () => 2);
    map.hear("a", 5000, () => 1);
    expect(map.forget(1000)).toEqual([]);
    expect(map.forget(5000)).toEqual(["b"]);
    expect(map.hear("c", 6000, () => 3)).toBe(3);
    expect(map.values()).toEqual([1, 3]);
  });

  test("forgets what somebody knows to be gone", () => {
    const map = new RecentMap<number>(9, () => {});
    for (const value of [1, 2, 3, 4]) map.hear(`${value}`, 0, () => value);
    map.deleteWhere((value) => value % 2 === 0);
    map.delete("1");
    expect(map.keys()).toEqual(["3"]);
  });
});
