import type { HarmonyUpdate } from "../../../models/harmony-update.ts";
import type { OrganismTick } from "./model/organism-model.ts";

const COSTS_TOLD = 3;

/** What is told once a second. @param firing ids of the rules that are active */
export function harmonyUpdate({ at, systems, harmony, explanation }: OrganismTick, firing: string[]): HarmonyUpdate {
  return {
    at,
    ...harmony,
    systems: systems.map(({ system, present, health, confidence, metrics }) => ({
      system,
      present,
      health,
      confidence,
      load: metrics.load.value,
    })),
    costs: explanation.costs.slice(0, COSTS_TOLD),
    firing,
  };
}
