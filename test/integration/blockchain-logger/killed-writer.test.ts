import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { seeded } from "../../../services/immune/chaos-monkey/random.ts";
import { LogBench } from "../../support/audit-log.ts";
import { type Acknowledged, writeUntilKilled, wrongAfterKill } from "../../support/killed-writer.ts";

const ROUNDS = 30;

describe("A process that is killed while it writes the audit log", () => {
  let bench: LogBench;

  beforeEach(() => {
    bench = new LogBench();
  });

  afterEach(() => {
    bench.remove();
  });

  test(`loses nothing that it acknowledged, and writes nothing twice, in ${ROUNDS} rounds`, async () => {
    const random = seeded(4);
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged.push(...(await writeUntilKilled(bench.folder, round * 1_000_000, random() * 60)));
      expect({ round, wrong: await wrongAfterKill(bench, acknowledged) }).toEqual({ round, wrong: [] });
    }
    expect(acknowledged.length).toBeGreaterThan(ROUNDS);
  }, 120_000);
});
