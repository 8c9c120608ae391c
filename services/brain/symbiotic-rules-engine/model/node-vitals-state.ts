import { METRICS, type System } from "../../../../models/metrics.ts";
import { CallWindow, Recent } from "./call-window.ts";
import type { FaultLog } from "./fault-log.ts";
import {
  areCounts,
  callsIn,
  type Fields,
  isFields,
  isName,
  isUpkeep,
  MOST_CALLS,
  MOST_PARTS,
  plausible,
} from "./plausible.ts";

/** A second's burst is no load: means of so many reports. */
const LOAD_REPORTS = 3;
/** With all cores of the largest machines. */
const MOST_CPU = 100 * 1024;
const MOST_BYTES = 2 ** 50;
const LONGEST_LIFE_S = 100 * 365 * 86_400;
/** Most time between two reports that is believed, ms. */
const LONGEST_SPAN_MS = 60_000;

/** What one node says of itself and of the calls that ended on it. NaN is unknown. */
export class NodeVitalsState {
  /** Monotonic, ms; NaN while nothing has come. */
  at = Number.NaN;
  /** %, of one core; may be more. */
  cpu = Number.NaN;
  /** %, of the heap that there may be. */
  memory = Number.NaN;
  /** 99th percentile, ms. */
  delay = Number.NaN;
  readonly calls = new Map<System, CallWindow>();
  readonly #cpu = new Recent(LOAD_REPORTS);
  readonly #busy = new Recent(LOAD_REPORTS);
  #uptime = Number.NaN;

  /** @param systemOf of a service on this node */
  take(report: Fields, now: number, systemOf: (service: string) => System, node: string, faults: FaultLog): void {
    const field = (name: string, value: unknown, most: number): number => {
      const number = plausible(value, most);
      if (Number.isNaN(number)) faults.note(node, `vitals.${name} is absurd`);
      return number;
    };
    const loop = isFields(report["loopDelay"]) ? report["loopDelay"] : {};
    this.cpu = field("cpu", report["cpu"], MOST_CPU);
    this.delay = field("loopDelay.p99", loop["p99"], METRICS.eventLoopDelay.max);
    const heapUsed = field("heapUsed", report["heapUsed"], MOST_BYTES);
    const heapLimit = field("heapLimit", report["heapLimit"], MOST_BYTES);
    this.memory = heapLimit > 0 ? Math.min(100, (heapUsed / heapLimit) * 100) : Number.NaN;
    this.#cpu.add(Math.min(100, this.cpu));
    this.#busy.add(100 * Math.min(1, field("utilisation", report["utilisation"], 1.5)));
    const uptime = field("uptime", report["uptime"], LONGEST_LIFE_S);
    const span = this.#spanUntil(uptime, now);
    this.at = now;
    this.#uptime = uptime;
    this.#addCalls(report["actions"], span, systemOf, node, faults);
  }

  /** How near the node is to what it can carry, %: the busiest of cpu, event loop and heap. */
  get load(): number {
    let load = Number.NaN;
    for (const part of [this.#cpu.mean(), this.#busy.mean(), this.memory])
      if (!Number.isNaN(part) && !(load >= part)) load = part;
    return load;
  }

  reborn(): void {
    this.calls.clear();
    this.#cpu.clear();
    this.#busy.clear();
    this.#uptime = Number.NaN;
  }

  /** The node's own time is not held up by the bus; where it makes no sense, that of arrival is taken. ms */
  #spanUntil(uptime: number, now: number): number {
    const own = (uptime - this.#uptime) * 1000;
    if (own > 0 && own <= LONGEST_SPAN_MS) return own;
    const seen = now - this.at;
    return seen > 0 && seen <= LONGEST_SPAN_MS ? seen : 1000;
  }

  #addCalls(actions: unknown, span: number, systemOf: (service: string) => System, node: string, log: FaultLog): void {
    if (!Array.isArray(actions)) {
      log.note(node, "vitals.actions is no list");
      return;
    }
    if (actions.length > MOST_PARTS) log.note(node, "vitals.actions has too many", actions.length - MOST_PARTS);
    const sums = new Map<System, { calls: number; faults: number; buckets: number[][] }>();
    for (const window of this.calls.keys()) sums.set(window, { calls: 0, faults: 0, buckets: [] });
    for (const action of actions.slice(0, MOST_PARTS) as unknown[]) {
      const calls = isFields(action) ? callsIn(action["buckets"]) : Number.NaN;
      const known = isFields(action) && isName(action["service"]) && isName(action["name"]);
      if (!known || Number.isNaN(calls) || !areCounts(action, MOST_CALLS, "errors")) {
        log.note(node, "vitals.actions has an absurd one");
        continue;
      }
      if (isUpkeep(action["service"] as string, action["name"] as string)) continue;
      const system = systemOf(action["service"] as string);
      let sum = sums.get(system);
      if (!sum) {
        sum = { calls: 0, faults: 0, buckets: [] };
        sums.set(system, sum);
      }
      // A node of an older version does not tell faults from errors.
      const faults = plausible(action["faults"] ?? action["errors"], MOST_CALLS);
      sum.calls += calls;
      sum.faults += Math.min(calls, Number.isNaN(faults) ? 0 : faults);
      if (calls > 0 && action["isUntimed"] !== true) sum.buckets.push(action["buckets"] as number[]);
    }
    for (const [system, sum] of sums) {
      let window = this.calls.get(system);
      if (!window) {
        window = new CallWindow();
        this.calls.set(system, window);
      }
      window.add({ ...sum, span });
    }
  }
}
