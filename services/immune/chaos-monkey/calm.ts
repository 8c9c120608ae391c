import type { HealingRecord } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import { type Clock, sleep } from "../../../runtime/clock.ts";
import { isWhole, notWhole } from "./topology.ts";

/** Time without any healing after which the organism counts as calm, ms. */
export const CALM_MS = 3000;
const LOOK_EVERY_MS = 250;

interface Sight {
  topology(): Promise<Topology | undefined>;
  history(): Promise<HealingRecord[]>;
  clock: Clock;
}

/** Why nothing may be broken now, or nothing. */
export async function unrest({ topology, history, clock }: Sight): Promise<string | undefined> {
  const now = await topology();
  if (!now) return "the orchestrator does not tell how the organism is";
  if (!isWhole(now)) return `the organism is not healthy: ${notWhole(now)}`;
  const [last] = await history().catch(() => []);
  if (!last) return undefined;
  const age = clock.now() - Date.parse(last.at) - last.duration;
  if (age >= CALM_MS) return undefined;
  return `${last.target.service ?? last.target.node ?? "something"} was healed ${(Math.max(0, age) / 1000).toFixed(1)} s ago`;
}

/** Waits for calm. Returns what kept it from coming, or nothing. */
export async function untilCalm(sight: Sight, within: number, isStopped: () => boolean): Promise<string | undefined> {
  const end = sight.clock.now() + within;
  for (;;) {
    const why = await unrest(sight);
    if (!why || isStopped() || sight.clock.now() >= end) return why;
    await sleep(sight.clock, LOOK_EVERY_MS);
  }
}
