import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  everything,
  intersection,
  type Postings,
  union,
} from "../../../../services/immune/blockchain-logger/index/postings.ts";

const positions = fc.uniqueArray(fc.integer({ min: -60, max: 60 }), { maxLength: 60 });

function listOf(numbers: readonly number[]): Postings {
  const ascending = numbers.toSorted((a, b) => a - b);
  return { seek: (from) => ascending.find((one) => one >= from) };
}

function walk(list: Postings): number[] {
  const found: number[] = [];
  for (let at = list.seek(-100); at !== undefined; at = list.seek(at + 1)) found.push(at);
  return found;
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

test("a union has what any of its lists has, once and in order", () => {
  fc.assert(
    fc.property(fc.array(positions, { maxLength: 6 }), (lists) => {
      expect(walk(union(lists.map(listOf)))).toEqual(ascending(new Set(lists.flat())));
    }),
  );
});

test("an intersection has what all of its lists have", () => {
  fc.assert(
    fc.property(fc.array(positions, { minLength: 1, maxLength: 5 }), (lists) => {
      const shared = lists[0]!.filter((one) => lists.every((list) => list.includes(one)));
      expect(walk(intersection(lists.map(listOf)))).toEqual(ascending(shared));
    }),
  );
});

test("a rare condition makes a frequent one cheap", () => {
  let jumps = 0;
  const list = intersection([everything(1_000_000), listOf([5, 900_000])], () => ++jumps > 0);
  expect(walk(list)).toEqual([5, 900_000]);
  expect(jumps).toBeLessThan(15);
});

test("a walk that costs too much ends, and says up to where nothing fits", () => {
  let jumps = 0;
  const [even, odd] = [range(0, 500).filter((n) => n % 2 === 0), range(0, 500).filter((n) => n % 2 === 1)];
  const list = intersection([listOf(even), listOf(odd)], () => ++jumps <= 50);
  expect(list.seek(0)).toBeUndefined();
  expect(list.at).toBeGreaterThan(40);
  expect(list.at).toBeLessThan(60);
});

test("a walk that is through says that nothing fits any more", () => {
  const list = intersection([listOf([1, 2]), listOf([3])]);
  expect(list.seek(0)).toBeUndefined();
  expect(list.at).toBe(Number.POSITIVE_INFINITY);
});
