import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { seeded } from "../../services/immune/chaos-monkey/random.ts";
import { hasNats, TestOrganism } from "../support/organism.ts";
import { randomKills } from "../support/random-kills.ts";

jest.setTimeout(120_000);

describe("random kills", () => {
  let organism: TestOrganism;

  beforeAll(async () => {
    organism = await TestOrganism.create({
      AZORA_HEALING_TIME_SCALE: "0.02",
      ...(hasNats() ? {} : { AZORA_EVENT_BUS_URL: "mesh" }),
    });
    await organism.up();
  });
  afterAll(() => organism.down());

  it("survives ten SIGKILLs of any of its processes: healthy after each, nothing twice, nothing orphaned", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const caller = await organism.join();
    const { outcomes, calls } = await randomKills(organism, caller, 10, seeded(seed)).catch((error) => {
      throw new Error(`seed ${seed}: ${error.message}`);
    });
    expect(outcomes).toHaveLength(10);
    expect({ seed, failed: calls.failed }).toEqual({ seed, failed: {} });
    expect(calls.done).toBeGreaterThan(100);
  });
});
