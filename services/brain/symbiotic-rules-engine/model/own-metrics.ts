import type { System } from "../../../../models/metrics.ts";
import { FARTHEST_OWN } from "../../../../runtime/rules/limits.ts";
import type { FaultLog } from "./fault-log.ts";
import { isFields, isName } from "./plausible.ts";

const MOST_OF_A_SERVICE = 50;
const MOST = 2000;
const NAME = /^[A-Za-z][\w-]{0,63}$/;
/** Until a service has published twice, nobody knows how often it does, ms. */
const FIRST_STALE_MS = 60_000;
const LEAST_STALE_MS = 3500;
const LONGEST_STALE_MS = 600_000;
/** A value is stale when so many have failed to come. */
const MISSED = 3.5;
/** Who has not published for so long has ceased to, ms. */
const FORGET_MS = 3_600_000;

export interface OwnMetric {
  system: System;
  /** As `user-management.signups`. */
  metric: string;
  value: number;
  /** Monotonic, ms. */
  at: number;
  staleAfter: number;
}

/** What services publish of themselves, in whatever rhythm they do. */
export class OwnMetrics {
  readonly #services = new Map<string, Map<string, OwnMetric>>();
  #count = 0;

  take(service: string, system: System, metrics: unknown, now: number, faults: FaultLog): void {
    if (!isFields(metrics)) {
      faults.note(service, "own metrics are no object");
      return;
    }
    const names = Object.keys(metrics);
    if (names.length > MOST_OF_A_SERVICE)
      faults.note(service, "too many own metrics", names.length - MOST_OF_A_SERVICE);
    for (const name of names.slice(0, MOST_OF_A_SERVICE)) this.#set(service, system, name, metrics[name], now, faults);
  }

  /** Also those that are stale. */
  *all(now: number): Generator<OwnMetric> {
    for (const [service, metrics] of this.#services) {
      for (const [name, metric] of metrics) {
        if (now - metric.at > FORGET_MS) {
          metrics.delete(name);
          this.#count--;
        }
        yield metric;
      }
      if (metrics.size === 0) this.#services.delete(service);
    }
  }

  #set(service: string, system: System, name: string, value: unknown, now: number, faults: FaultLog): void {
    if (!NAME.test(name)) {
      faults.note(service, "an own metric has a name that is none");
      return;
    }
    let metrics = this.#services.get(service);
    let metric = metrics?.get(name);
    if (!metric) {
      if ((metrics?.size ?? 0) >= MOST_OF_A_SERVICE || this.#count >= MOST || !isName(service)) {
        faults.note(service, "too many own metrics");
        return;
      }
      if (!metrics) {
        metrics = new Map();
        this.#services.set(service, metrics);
      }
      metric = { system, metric: `${service}.${name}`, value: Number.NaN, at: now, staleAfter: FIRST_STALE_MS };
      metrics.set(name, metric);
      this.#count++;
    } else if (now > metric.at)
      metric.staleAfter = Math.min(LONGEST_STALE_MS, Math.max(LEAST_STALE_MS, MISSED * (now - metric.at)));
    const isNumber = typeof value === "number" && Math.abs(value) <= FARTHEST_OWN;
    if (!isNumber) faults.note(service, `${name} is absurd`);
    metric.value = isNumber ? value : Number.NaN;
    metric.at = now;
  }
}
