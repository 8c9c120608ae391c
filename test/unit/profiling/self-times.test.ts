import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type CpuProfile, selfTimes } from "../../../runtime/profiling/self-times.ts";

const frame = (functionName: string, url = "", lineNumber = -1) => ({ functionName, url, lineNumber, columnNumber: 0 });

function profileOf(samples: number[], timeDeltas: number[], endTime: number): CpuProfile {
  return {
    nodes: [
      { id: 1, callFrame: frame("(root)") },
      { id: 2, callFrame: frame("(idle)") },
      { id: 3, callFrame: frame("sort", "file:///srv/a%20b/grades.service.ts?generation=2", 11), children: [4] },
      { id: 4, callFrame: frame("", "file:///srv/compare.ts", 4) },
      { id: 5, callFrame: frame("sort", "file:///srv/a%20b/grades.service.ts?generation=2", 11) },
      { id: 6, callFrame: frame("(garbage collector)") },
    ],
    startTime: 1000,
    endTime,
    samples,
    timeDeltas,
  };
}

describe("the reader of CPU profiles", () => {
  test("gives each sample the time until the next one, and the last one the time until the end", () => {
    const times = selfTimes(profileOf([3, 4, 2, 6], [0, 1000, 3000, 4000], 11_000));
    expect(times).toEqual({
      duration: 10,
      idle: 4,
      samples: 4,
      top: [
        { function: "(anonymous)", file: "/srv/compare.ts", line: 5, time: 3, share: 0.5 },
        { function: "(garbage collector)", file: "", line: 0, time: 2, share: 0.333 },
        { function: "sort", file: "/srv/a b/grades.service.ts", line: 12, time: 1, share: 0.167 },
      ],
    });
  });

  test("adds one function up, wherever it was called from", () => {
    const { top } = selfTimes(profileOf([3, 5], [0, 2000], 5000));
    expect(top).toHaveLength(1);
    expect(top[0]).toMatchObject({ function: "sort", time: 4, share: 1 });
  });

  test("tells no more functions than wanted", () => {
    expect(selfTimes(profileOf([3, 4, 6], [0, 1000, 1000], 4000), 2).top).toHaveLength(2);
  });

  test("takes a profile without samples for one of nothing", () => {
    expect(selfTimes({ nodes: [], startTime: 0, endTime: 0 })).toEqual({ duration: 0, idle: 0, samples: 0, top: [] });
  });

  test("loses no time and makes none up, also where the clock steps back", () => {
    const sample = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: -50, max: 5000 }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 200 }), (samples) => {
        const deltas = samples.map(([, delta]) => delta);
        const end = 1000 + deltas.reduce((a, b) => a + b, 0);
        const times = selfTimes(
          profileOf(
            samples.map(([id]) => id),
            deltas,
            end,
          ),
          1000,
        );
        const all = deltas.slice(1).reduce((sum, delta) => sum + Math.max(0, delta), 0) / 1000;
        const told = times.top.reduce((sum, { time }) => sum + time, 0);
        expect(Math.abs(told + times.idle - all)).toBeLessThan(1.5);
      }),
    );
  });
});
