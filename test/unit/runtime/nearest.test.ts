import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { editDistance, nearest } from "../../../runtime/nearest.ts";

/** Optimal string alignment as its definition says it, without any cleverness. */
function naive(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const cost = a.at(-1) === b.at(-1) ? 0 : 1;
  const [shortA, shortB] = [a.slice(0, -1), b.slice(0, -1)];
  const ways = [naive(shortA, b) + 1, naive(a, shortB) + 1, naive(shortA, shortB) + cost];
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1))
    ways.push(naive(a.slice(0, -2), b.slice(0, -2)) + 1);
  return Math.min(...ways);
}

const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });

describe("the nearest name", () => {
  test("is found by a distance that equals the definition's", () => {
    fc.assert(fc.property(word, word, (a, b) => expect(editDistance(a, b)).toBe(naive(a, b))));
  });

  test.each([
    ["azora-atuh", "azora-auth"],
    ["AZORA-AUTH", "azora-auth"],
    ["staus", "status"],
    ["course-servise", "course-service"],
  ])("for %s is %s", (given, meant) => {
    expect(nearest(given, ["status", "azora-auth", "course-service", "payments"])).toBe(meant);
  });

  test("is none where nothing is near", () => {
    expect(nearest("elephant", ["status", "azora-auth"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });

  test("is the first of those that are equally near", () => {
    expect(nearest("cat", ["bat", "rat"])).toBe("bat");
  });
});
