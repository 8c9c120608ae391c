import { describe, expect, test } from "@jest/globals";
import { sampleNormal } from "../../../../services/immune/auto-healer/learning/samplers.ts";
import { seeded } from "../../../../services/muscles/performance-optimizer/analysis/seeded.ts";
import { MemoryGrowth } from "../../../../services/muscles/performance-optimizer/memory/growth.ts";

const MB = 1024 * 1024;
const MINUTE = 60_000;

/** An hour of a node; a report every ten seconds, with garbage on top of what stays. */
function hour(growth: MemoryGrowth, perMinute: number, life = "a", from = 0, seed = 3): void {
  const random = seeded(seed);
  for (let at = from; at < from + 60 * MINUTE; at += 10_000) {
    const stays = 100 * MB + ((at - from) / MINUTE) * perMinute;
    growth.heap("heart-1", life, stays + Math.abs(sampleNormal(random)) * 2 * MB, at);
    growth.resident("heart-1", life, stays + 60 * MB + random() * 30 * MB, 1000 * MB, at);
  }
}

describe("the memory of a node", () => {
  test("that grows is told with its slope, and when the limit is reached", () => {
    const growth = new MemoryGrowth();
    hour(growth, MB);
    const [heart] = growth.status();
    expect(heart!.confidence).toBeGreaterThan(0.99);
    expect(Math.abs(heart!.growth / (60 * MB) - 1)).toBeLessThan(0.1);
    expect(Math.abs(heart!.forecast! - 840 / 60)).toBeLessThan(1.5);
  });

  test("is forgotten with a node that tells nothing any more, also where its last word came late", () => {
    const growth = new MemoryGrowth();
    hour(growth, MB);
    growth.nodeDown("heart-1");
    growth.resident("heart-1", "a", 100 * MB, 1000 * MB, 60 * MINUTE);
    growth.resident("heart-2", "a", 100 * MB, 1000 * MB, 62 * MINUTE);
    growth.forget(61 * MINUTE);
    expect(growth.status().map(({ node }) => node)).toEqual(["heart-2"]);
  });

  test("that is level has no forecast", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const growth = new MemoryGrowth();
      hour(growth, 0, "a", 0, seed);
      expect(growth.status()[0]!.forecast).toBeNull();
    }
  });

  test("begins anew with each life, and what is filled at the start is no growth", () => {
    const growth = new MemoryGrowth();
    hour(growth, MB);
    hour(growth, 0, "b", 60 * MINUTE);
    expect(growth.status()[0]!.forecast).toBeNull();
    const young = new MemoryGrowth();
    for (let at = 0; at < 3 * MINUTE; at += 1000) young.heap("heart-1", "a", at * 1000, at);
    expect(young.status()[0]).toMatchObject({ growth: 0, confidence: 0, forecast: null });
  });

  test("is forgotten when the node goes", () => {
    const growth = new MemoryGrowth();
    hour(growth, MB);
    growth.nodeDown("heart-1");
    expect(growth.status()).toEqual([]);
  });
});
