import { METRICS, ORGANISM, ORGANISM_METRICS, type RuleSystem, SYSTEMS } from "../../models/metrics.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { meantOwn } from "./own-names.ts";

/** Where a condition may look. */
export const RULE_SYSTEMS: readonly RuleSystem[] = [...SYSTEMS, ORGANISM];
const OWN_METRIC = /^[A-Za-z][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,64}){1,3}$/;

/** Between which values a metric lies; undefined for an own one, which may be anything. */
export function rangeOf(system: string, metric: string): { min: number; max: number; unit: string } | undefined {
  const table: Record<string, { min: number; max: number; unit: string }> =
    system === ORGANISM ? ORGANISM_METRICS : METRICS;
  return Object.hasOwn(table, metric) ? table[metric] : undefined;
}

/** A metric of this system, or an own one of a service, which need not have been published yet. */
export function checkMetric(
  faults: Faults,
  path: string,
  input: unknown,
  system: RuleSystem | undefined,
  known: KnownNames,
): string | undefined {
  const standard = Object.keys(system === ORGANISM ? ORGANISM_METRICS : METRICS);
  if (typeof input === "string" && standard.includes(input)) return input;
  if (typeof input === "string" && OWN_METRIC.test(input)) {
    const meant = system && meantOwn(known.own, system, input);
    if (meant) faults.warn(path, `${path} is "${input}", which nobody in ${system} publishes; did you mean ${meant}?`);
    return input;
  }
  const names = [...standard, ...known.own.map((own) => withoutSystem(own))];
  return faults.unknownName(path, input, names, ", or an own one as <service>.<name>");
}

/** `heart.user-management.signups` → `user-management.signups` */
function withoutSystem(own: string): string {
  const dot = own.indexOf(".");
  return RULE_SYSTEMS.some((system) => system === own.slice(0, dot)) ? own.slice(dot + 1) : own;
}

/** A metric with its system, as `brain.load`. */
export function checkMetricKey(faults: Faults, path: string, input: unknown, known: KnownNames): void {
  const dot = typeof input === "string" ? input.indexOf(".") : -1;
  if (typeof input !== "string" || dot < 0) return void faults.wrong(path, input, "a metric, as brain.load");
  const name = input.slice(0, dot);
  const system = RULE_SYSTEMS.find((one) => one === name);
  if (!system) faults.unknownName(path, name, RULE_SYSTEMS);
  else checkMetric(faults, path, input.slice(dot + 1), system, known);
}
