import { SYSTEMS, type System } from "../../../../models/metrics.ts";
import type { FaultLog } from "./fault-log.ts";
import { isFields, isName, MOST_PARTS, plausible } from "./plausible.ts";
import { RestartEvents } from "./restart-events.ts";

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
  /** Systems that are to have nodes of their own; undefined where that is not known. */
  placed: ReadonlySet<System> | undefined;
  #shares = new Map<System, Shares>();
  /** By `service@node`. */
  #restarts = new Map<string, number>();
  readonly #events = new Map<System, RestartEvents>();

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
      this.#count(system, name, one["restarts"], restarts, now, faults);
    }
    this.#shares = shares;
    this.#restarts = restarts;
    this.at = now;
  }

  /** Each instance by itself: a service whose instances are restarted one after the other was restarted once. */
  #count(
    system: System,
    name: string,
    told: unknown,
    counts: Map<string, number>,
    now: number,
    faults: FaultLog,
  ): void {
    if (!isFields(told)) {
      faults.note(name, "services.restarts is absurd");
      return;
    }
    for (const [node, value] of Object.entries(told).slice(0, MOST_PARTS)) {
      const instance = `${name}@${node}`;
      const count = plausible(value, 1e9);
      if (Number.isNaN(count)) faults.note(name, "services.restarts is absurd");
      const before = this.#restarts.get(instance);
      // Fewer than before: who counts began anew.
      if (before !== undefined && count > before) this.restarted(system, instance, now, count - before);
      counts.set(instance, Number.isNaN(count) ? (before ?? 0) : count);
    }
  }

  /** @param what service or node that was restarted */
  restarted(system: System, what: string, now: number, times = 1): void {
    let events = this.#events.get(system);
    if (!events) {
      events = new RestartEvents();
      this.#events.set(system, events);
    }
    events.add(what, now, times);
  }

  /** In the last ten minutes. */
  restarts(system: System, now: number): number {
    return this.#events.get(system)?.count(now) ?? 0;
  }

  /** Whether the system has services, and the share of them that is healthy, %; NaN where none is judged yet. */
  healthy(system: System): { hasServices: boolean; ratio: number } {
    const share = this.#shares.get(system);
    return {
      hasServices: share !== undefined,
      ratio: share && share.judged > 0 ? (100 * share.worth) / share.judged : Number.NaN,
    };
  }
}
