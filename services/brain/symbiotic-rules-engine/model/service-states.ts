import { SYSTEMS, type System } from "../../../../models/symbiosis.ts";
import type { FaultLog } from "./fault-log.ts";
import { isFields, isName, MOST_PARTS, plausible } from "./plausible.ts";

/** Over which restarts are counted, ms; in steps. */
const RESTARTS_OVER_MS = 600_000;
const STEP_MS = 10_000;
const STEPS = RESTARTS_OVER_MS / STEP_MS;
/** One step, however many are told. */
const MOST_RESTARTS = 10_000;

/** What each status is worth; the others (waiting, starting, stopped) are not judged: nobody expects them to answer. */
const WORTH: Readonly<Record<string, number>> = { healthy: 1, degraded: 0.5, unhealthy: 0, timeout: 0, quarantined: 0 };

interface Shares {
  /** Services, also those that are not judged. */
  all: number;
  judged: number;
  worth: number;
}

/** How the services are, by system, and how often they and the nodes were restarted lately. */
export class ServiceStates {
  /** Monotonic, ms; NaN while nothing has come. */
  at = Number.NaN;
  #shares = new Map<System, Shares>();
  #restarts = new Map<string, number>();
  readonly #steps = new Map<System, Float64Array>();
  #step = 0;

  take(list: unknown, now: number, faults: FaultLog): void {
    if (!Array.isArray(list)) {
      faults.note("", "services are no list");
      return;
    }
    const shares = new Map<System, Shares>();
    const restarts = new Map<string, number>();
    for (const one of list.slice(0, MOST_PARTS) as unknown[]) {
      const system = isFields(one) ? SYSTEMS.find((system) => system === one["system"]) : undefined;
      if (!isFields(one) || !isName(one["name"]) || system === undefined) {
        faults.note("", "services has an absurd one");
        continue;
      }
      const { name, status } = one as { name: string; status: string };
      let share = shares.get(system);
      if (!share) {
        share = { all: 0, judged: 0, worth: 0 };
        shares.set(system, share);
      }
      share.all++;
      const worth = Object.hasOwn(WORTH, status) ? WORTH[status] : undefined;
      if (worth !== undefined) {
        share.judged++;
        share.worth += worth;
      }
      const count = plausible(one["restarts"], 1e9);
      if (Number.isNaN(count)) faults.note(name, "services.restarts is absurd");
      const before = this.#restarts.get(name);
      // Fewer than before: who counts began anew.
      if (before !== undefined && count > before) this.restarted(system, now, count - before);
      restarts.set(name, Number.isNaN(count) ? (before ?? 0) : count);
    }
    this.#shares = shares;
    this.#restarts = restarts;
    this.at = now;
  }

  restarted(system: System, now: number, times = 1): void {
    this.#turnTo(now);
    let steps = this.#steps.get(system);
    if (!steps) {
      steps = new Float64Array(STEPS);
      this.#steps.set(system, steps);
    }
    steps[this.#step % STEPS] = Math.min(MOST_RESTARTS, steps[this.#step % STEPS]! + times);
  }

  /** In the last ten minutes. */
  restarts(system: System, now: number): number {
    this.#turnTo(now);
    return this.#steps.get(system)?.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  /** Whether the system has services, and the share of them that is healthy, %; NaN where none is judged yet. */
  healthy(system: System): { hasServices: boolean; ratio: number } {
    const share = this.#shares.get(system);
    return {
      hasServices: share !== undefined,
      ratio: share && share.judged > 0 ? (100 * share.worth) / share.judged : Number.NaN,
    };
  }

  #turnTo(now: number): void {
    const step = Math.floor(now / STEP_MS);
    if (step <= this.#step) return;
    const first = Math.max(this.#step + 1, step - STEPS + 1);
    for (let next = first; next <= step; next++) for (const steps of this.#steps.values()) steps[next % STEPS] = 0;
    this.#step = step;
  }
}
