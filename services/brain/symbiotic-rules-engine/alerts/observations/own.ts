import { ORGANISM, SYSTEMS } from "../../../../../models/metrics.ts";
import type { OrganismState, SystemState } from "../../../../../models/organism-state.ts";
import type { AlertDefinition } from "../../../../../runtime/alerts/definition.ts";
import { partsOf, summaryOf } from "../../../../../runtime/alerts/own-alerts.ts";
import type { ServiceFacts } from "../situation.ts";
import { ENOUGH_KNOWN, finite, NOTHING, type Observe, one, type Seen } from "./observation.ts";

const GONE: Seen = { complete: true, of: [] };

/** An own alert's metric: of a system, of a service, or of the organism as a whole. */
export function own(metric: string, { summary }: Pick<AlertDefinition, "summary">): Observe {
  const { system, name } = partsOf(metric);
  const group = SYSTEMS.find((one) => one === system) ?? "organism";
  return ({ state, services }) => {
    if (state === null) return NOTHING;
    const value = metricOf(state, metric);
    if (value === null && hasLost(services, name)) return GONE;
    return one({ subject: metric, group, value, says: () => summaryOf(summary, shown(value)) });
  };
}

/** Null where it is not known. */
export function metricOf({ systems, harmony }: OrganismState, key: string): number | null {
  const { system, name } = partsOf(key);
  if (system !== ORGANISM) {
    const of = systems.find((one) => one.system === system);
    return of ? readingOf(of, name) : null;
  }
  if (name === "confidence") return finite(harmony.confidence);
  return harmony.confidence < ENOUGH_KNOWN ? null : finite(harmony.score);
}

function readingOf({ metrics, own }: SystemState, name: string): number | null {
  const readings: Record<string, { value: number | null }> = name.includes(".") ? own : metrics;
  return Object.hasOwn(readings, name) ? finite(readings[name]!.value) : null;
}

/** A service that is no part of the organism any more tells nothing for ever, which is not the same as not being known. */
function hasLost(services: readonly ServiceFacts[] | null, name: string): boolean {
  const service = name.slice(0, Math.max(0, name.lastIndexOf(".")));
  return service !== "" && services !== null && !services.some((one) => one.name === service);
}

/** Four digits are enough for a figure that is large, small or a share. */
function shown(value: number | null): string {
  return value === null ? "unknown" : String(Number(value.toPrecision(4)));
}
