/**
 * One hundred random SIGKILLs of nodes, orchestrator, spine and bus, under load. Ends with a table and
 * exit code 0, or with the first thing that was not whole again. `SOAK_KILLS` and `SOAK_SEED` change the run.
 */

import { seeded } from "../../services/immune/chaos-monkey/random.ts";
import { hasNats, TestOrganism } from "../support/organism.ts";
import { randomKills } from "../support/random-kills.ts";

const kills = Number(process.env.SOAK_KILLS ?? 100);
const seed = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const bus: Record<string, string> = hasNats() ? {} : { AZORA_EVENT_BUS_URL: "mesh" };
const organism = await TestOrganism.create({ AZORA_HEALING_TIME_SCALE: "0.02", ...bus });
console.log(`${kills} kills, seed ${seed}, on ${hasNats() ? "NATS" : "the mesh"}`);
let failed = false;
try {
  await organism.up();
  const caller = await organism.join();
  const { outcomes, calls } = await randomKills(organism, caller, kills, seeded(seed));
  const byVictim = new Map<string, number[]>();
  for (const { victim, healthyAfter } of outcomes)
    byVictim.set(victim, [...(byVictim.get(victim) ?? []), healthyAfter]);
  console.table(
    [...byVictim].map(([victim, times]) => {
      const sorted = times.sort((a, b) => a - b);
      return {
        victim,
        kills: times.length,
        "median ms": sorted[Math.floor(sorted.length / 2)],
        "worst ms": sorted.at(-1),
      };
    }),
  );
  console.log(`${calls.done} calls done, ${calls.unknown} of unknown outcome, failed: ${JSON.stringify(calls.failed)}`);
  const { healing } = await organism.status();
  for (const act of healing.filter(({ failure }) => failure !== "crashed")) console.log(JSON.stringify(act));
  failed = Object.keys(calls.failed).length > 0;
} catch (error) {
  console.error((error as Error).message);
  failed = true;
} finally {
  await organism.down().catch((error: Error) => {
    console.error(error.message);
    failed = true;
  });
}
process.exit(failed ? 1 : 0);
