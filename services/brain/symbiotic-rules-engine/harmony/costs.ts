import { METRICS, type Metric } from "../../../../models/metrics.ts";
import type { HarmonyCost } from "../../../../models/organism-state.ts";
import { goodValue, type LatencyMetric, METRIC_COSTS, type SystemInput } from "./strain.ts";
import { type Strain, sumOf } from "./strains.ts";

/**
 * The points that are missing, shared out by strain, the greatest first. For a power of e this is what each would cost if
 * all had come up together, little by little (Aumann and Shapley 1974); all of them are 100 minus the score.
 */
export function costsOf(systems: readonly SystemInput[], strains: readonly Strain[]): HarmonyCost[] {
  const sum = sumOf(strains);
  if (sum === 0) return [];
  // Not 100 - score: little strain would be lost in rounding.
  const perStrain = (-100 * Math.expm1(-sum)) / sum;
  return strains
    .map((strain) => {
      const { part, system, metric, value, amount } = strain;
      return { part, system, metric, value, cost: amount * perStrain, why: whyOf(systems, strain) };
    })
    .sort((a, b) => b.cost - a.cost);
}

export function whyOf(
  systems: readonly SystemInput[],
  { part, system, metric, value, room, flow, circle }: Strain,
): string {
  if (circle) return `${[...circle, circle[0]].join(" waits for ")}`;
  if (flow) {
    const waits = flow.waiting === undefined || flow.waiting === null ? [] : [`wait ${show(flow.waiting, "ms")}`];
    const fails = flow.errorRate > 0 ? [`${show(flow.errorRate, "%")} fail`] : [];
    return `Calls from ${flow.from} to ${flow.to}: ${[...waits, ...fails].join(", ")}`;
  }
  const input = systems.find((one) => one.system === system)!;
  if (part === "balance") {
    const other = systems.find((one) => one.system === room)!.metrics.load!.value;
    return `${system} carries ${show(value, "%")} of what it can while ${room} has room (${show(other, "%")})`;
  }
  const { unit } = METRICS[metric as Metric];
  const { shape } = METRIC_COSTS[metric as Metric]!;
  const good = show(goodValue(input, metric as Metric), unit);
  const { known, isOld } = input.metrics[metric as Metric]!;
  const before = known > 0 && !isOld ? "is" : "was last known at";
  const usual = input.usual?.[metric as LatencyMetric];
  const bound =
    shape.kind === "times usual" && usual !== undefined
      ? `usual is ${show(usual, unit)}`
      : shape.kind === "ramp" && shape.from > shape.to
        ? `${good} costs nothing`
        : shape.kind === "time to drain"
          ? "the fewer wait for their turn, and the sooner they are worked off, the better"
          : `up to ${good} costs nothing`;
  return `${metric} of ${system} ${before} ${show(value, unit)}; ${bound}`;
}

/** With three digits and its unit. */
export function show(value: number, unit: string): string {
  const number = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return unit === "" ? `${number}` : `${number} ${unit}`;
}
