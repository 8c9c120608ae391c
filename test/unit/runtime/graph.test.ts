import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { findCycles, launchOrder } from "../../../runtime/discovery/graph.ts";
import type { Edge } from "../../../runtime/discovery/plan.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];
const hard = (from: string, to: string): Edge => ({ from, to, kind: "hard" });
const edges = fc.array(
  fc.record<Edge>({
    from: fc.constantFrom(...NAMES),
    to: fc.constantFrom(...NAMES),
    kind: fc.constantFrom<Edge["kind"]>("hard", "hard", "hard", "soft"),
  }),
  { maxLength: 14 },
);

/** Names from which following hard edges leads back to the name itself. */
function onCycle(all: readonly Edge[]): Set<string> {
  const reach = (from: string, seen: Set<string>): Set<string> => {
    for (const { from: at, to, kind } of all)
      if (kind === "hard" && at === from && !seen.has(to)) reach(to, seen.add(to));
    return seen;
  };
  return new Set(NAMES.filter((name) => reach(name, new Set()).has(name)));
}

function needsCycle(name: string, all: readonly Edge[], seen = new Set<string>()): boolean {
  if (onCycle(all).has(name)) return true;
  seen.add(name);
  return all.some(
    ({ from, to, kind }) => kind === "hard" && from === name && !seen.has(to) && needsCycle(to, all, seen),
  );
}

describe("the order of a launch", () => {
  test("places each name after all of its hard dependencies, and every name that needs no cycle", () => {
    fc.assert(
      fc.property(edges, (all) => {
        const steps = launchOrder(NAMES, all);
        const stepOf = new Map(steps.flatMap((step, index) => step.map((name) => [name, index] as const)));
        expect(steps.flat().length).toBe(stepOf.size);
        for (const { from, to, kind } of all)
          if (kind === "hard" && stepOf.has(from)) expect(stepOf.get(to)).toBeLessThan(stepOf.get(from)!);
        expect([...stepOf.keys()].sort()).toEqual(NAMES.filter((name) => !needsCycle(name, all)));
      }),
    );
  });

  test("puts each name into the first step that is possible", () => {
    expect(launchOrder(["c", "b", "a", "x"], [hard("b", "a"), hard("c", "b"), hard("c", "a")])).toEqual([
      ["a", "x"],
      ["b"],
      ["c"],
    ]);
  });

  test("leaves out edges to names that are not there", () => {
    expect(launchOrder(["a"], [hard("a", "gone")])).toEqual([["a"]]);
  });
});

describe("cycles", () => {
  test("are found exactly where there are some, and each path is a real one", () => {
    fc.assert(
      fc.property(edges, (all) => {
        const cycles = findCycles(NAMES, all);
        const expected = onCycle(all);
        expect(cycles.length > 0).toBe(expected.size > 0);
        const seen = new Set<string>();
        for (const path of cycles) {
          expect(path.length).toBeGreaterThan(1);
          expect(path[0]).toBe(path.at(-1));
          for (const [i, name] of path.slice(0, -1).entries()) {
            expect(all.some(({ from, to, kind }) => kind === "hard" && from === name && to === path[i + 1])).toBe(true);
            expect(seen.has(name)).toBe(false);
            seen.add(name);
          }
        }
      }),
    );
  });

  test("are told once each, by the shortest way back", () => {
    const all = [hard("a", "b"), hard("b", "c"), hard("c", "a"), hard("b", "a"), hard("d", "d"), hard("e", "a")];
    expect(findCycles(["a", "b", "c", "d", "e"], all)).toEqual([
      ["a", "b", "a"],
      ["d", "d"],
    ]);
  });

  test("of ten thousand names do not overflow the stack", () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `s${i}`);
    const all = names.map((name, i) => hard(name, names[(i + 1) % names.length]!));
    expect(findCycles(names, all)).toHaveLength(1);
  });
});
