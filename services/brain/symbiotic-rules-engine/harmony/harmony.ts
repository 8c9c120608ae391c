import type { HarmonyExplanation, HarmonyScore } from "../../../../models/organism-state.ts";
import { bestOf } from "./best.ts";
import { costsOf } from "./costs.ts";
import { COSTLY, type FlowInput, METRIC_COSTS, SYSTEM_WEIGHTS, type SystemInput, strainOf } from "./strain.ts";
import { type Strain, strainsOf, sumOf } from "./strains.ts";

/**
 * How well the organism is: `100 · e^-(sum of strains)`, which is health · balance · flow as shares of 100. Bounded, falls
 * when any metric gets worse, and never by more than its weight; see docs/harmony.md.
 */
export function harmonyOf(systems: readonly SystemInput[], flows: readonly FlowInput[]): HarmonyScore {
  return scoreOf(systems, strainsOf(systems, flows));
}

/** The score taken apart. */
export function explain(systems: readonly SystemInput[], flows: readonly FlowInput[]): HarmonyExplanation {
  const strains = strainsOf(systems, flows);
  return {
    ...scoreOf(systems, strains),
    costs: costsOf(systems, strains),
    best: bestOf(systems, flows, strains),
    unknown: unknownOf(systems),
  };
}

/** Of one system alone, without its weight; 0 to 100. */
export function healthOf(input: SystemInput): number {
  let sum = 0;
  for (const metric of COSTLY) sum += METRIC_COSTS[metric]!.weight * strainOf(input, metric);
  return points(sum);
}

/** Share of what applies to these systems that is known, 0 to 1; 0 where nothing applies. */
export function confidenceOf(systems: readonly SystemInput[]): number {
  let [known, all] = [0, 0];
  for (const { system, metrics } of systems) {
    for (const metric of COSTLY) {
      const measured = metrics[metric];
      if (!measured) continue;
      const weight = SYSTEM_WEIGHTS[system] * METRIC_COSTS[metric]!.weight;
      all += weight;
      if (Number.isFinite(measured.value)) known += weight * Math.min(1, Math.max(0, measured.known));
    }
  }
  return all === 0 ? 0 : known / all;
}

function scoreOf(systems: readonly SystemInput[], strains: readonly Strain[]): HarmonyScore {
  return {
    score: points(sumOf(strains)),
    confidence: confidenceOf(systems),
    health: points(sumOf(strains, "health")),
    balance: points(sumOf(strains, "balance")),
    flow: points(sumOf(strains, "flow")),
  };
}

function unknownOf(systems: readonly SystemInput[]): string[] {
  return systems.flatMap(({ system, metrics }) =>
    COSTLY.filter((metric) => {
      const measured = metrics[metric];
      return measured && !(measured.known > 0 && Number.isFinite(measured.value));
    }).map((metric) => `${system}.${metric}`),
  );
}

function points(strain: number): number {
  return 100 * Math.exp(-strain);
}
