import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { monotonicClock } from "../../../runtime/clock.ts";
import { History } from "../../../services/brain/symbiotic-rules-engine/history/history.ts";
import { linesUntilKilled } from "../../support/killed-writer.ts";

const WRITER = join(import.meta.dirname, "../../fixtures/history-writer.ts");
const START = 1_700_000_000_000;

/** @returns number of the last row that it said was written */
async function recordUntilKilled(folder: string, first: number, ms: number): Promise<number> {
  return Number((await linesUntilKilled(WRITER, folder, first, ms)).at(-1));
}

test("a history whose writer is killed again and again has every row that was written, once and whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azora-history-"));
  try {
    let next = 0;
    for (const ms of [3, 17, 40]) {
      const written = await recordUntilKilled(folder, next, ms);
      const history = new History({ folder, clock: monotonicClock });
      await history.open();
      const { rows } = await history.read({
        from: START + next * 1000,
        to: START * 2,
        step: 1000,
        columns: ["brain.load", "heart.own.m199"],
      });
      await history.close();
      expect(rows.length).toBeGreaterThanOrEqual(written - next + 1);
      expect(rows.map(({ values }) => values)).toEqual(rows.map((_, i) => [next + i, 199]));
      next += rows.length;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
