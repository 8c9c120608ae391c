import type { System } from "../../../../models/metrics.ts";
import type { HarmonyCost } from "../../../../models/organism-state.ts";
import { flowStrains } from "./flow-strain.ts";
import { COSTLY, type FlowInput, kept, METRIC_COSTS, SYSTEM_WEIGHTS, type SystemInput, strainOf } from "./strain.ts";

/** One thing that strains the organism. All amounts add up; the score is 100 times e to the power of minus their sum. */
export interface Strain extends Pick<HarmonyCost, "part" | "system" | "metric" | "value"> {
  amount: number;
  /** Of balance: who has room. */
  room?: System;
  flow?: FlowInput;
  circle?: System[];
}

/**
 * What it costs that one system is at its limit while another has room. Not more than the load itself costs the least
 * system (0.7 × 0.25): else a higher load on the one with room would raise the score.
 */
export const BALANCE_WEIGHT = 0.15;
/** Less strain than this is none: it would not show in the score. */
const NOTHING = 1e-13;

export function strainsOf(systems: readonly SystemInput[], flows: readonly FlowInput[]): Strain[] {
  const strains: Strain[] = [];
  for (const input of systems) {
    for (const metric of COSTLY) {
      const amount = SYSTEM_WEIGHTS[input.system] * METRIC_COSTS[metric]!.weight * strainOf(input, metric);
      const { system } = input;
      if (amount > 0) strains.push({ part: "health", system, metric, value: input.metrics[metric]!.value, amount });
    }
  }
  const balance = balanceStrain(systems);
  if (balance) strains.push(balance);
  strains.push(...flowStrains(flows));
  return strains.filter(({ amount }) => amount > NOTHING);
}

/** Between the system that is nearest to its limit and the one that is farthest from it. @param without taken as at rest */
export function balanceStrain(systems: readonly SystemInput[], without?: System): Strain | undefined {
  let most = 0;
  let least = 1;
  let leastLoad = Number.POSITIVE_INFINITY;
  let hot: SystemInput | undefined;
  let room: System | undefined;
  for (const input of systems) {
    const { load } = input.metrics;
    if (!load || !Number.isFinite(load.value)) continue;
    const strain = input.system === without ? 0 : strainOf(input, "load");
    if (strain > most) {
      most = strain;
      hot = input;
    }
    // Who says nothing any more is soon neither near its limit nor one that has room.
    const taken = strain + 1 - kept(load);
    // Of those that are all far from it the one with the least load is named.
    if (taken < least || (taken === least && load.value < leastLoad && least < 1)) {
      least = taken;
      leastLoad = load.value;
      room = input.system;
    }
  }
  if (!hot || !room || most <= least) return undefined;
  const value = hot.metrics.load!.value;
  return { part: "balance", system: hot.system, metric: "load", value, amount: BALANCE_WEIGHT * (most - least), room };
}

export function sumOf(strains: readonly Strain[], part?: Strain["part"]): number {
  let sum = 0;
  for (const strain of strains) if (part === undefined || strain.part === part) sum += strain.amount;
  return sum;
}
