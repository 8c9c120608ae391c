import type { VitalsReport } from "../../../../runtime/vitals/node-vitals.ts";
import { CallWindow } from "./call-window.ts";
import type { Limits } from "./limits.ts";
import { MemorySeries } from "./memory-series.ts";
import { SlowDetector } from "./slow.ts";
import { Streaks } from "./streaks.ts";

/** What is looked at of a node's report. A node of an older version does not tell all of it. */
export type Report = Pick<
  VitalsReport,
  "node" | "seq" | "instanceId" | "cpu" | "memory" | "heapUsed" | "loopDelay" | "utilisation" | "uptime" | "actions"
> &
  Partial<Pick<VitalsReport, "heapLimit" | "files" | "disk" | "lost" | "breakers">>;

const MOST_SERVICES = 1000;

/** What is known of one service on one node. */
export class ServiceSenses {
  readonly calls: CallWindow;
  readonly slow: SlowDetector;
  readonly streaks = new Streaks();
  inFlight = 0;
  error: string | undefined;

  constructor(limits: Limits) {
    this.calls = new CallWindow(Math.max(limits.slow.window, limits.erroring.rare) + 1000);
    this.slow = new SlowDetector(limits.slow, this.calls);
  }

  /** Something was done about it: what was before says nothing any longer. */
  forget(now: number): void {
    this.calls.forget(now);
    this.streaks.forget();
  }
}

/** What one life of a node has reported lately. */
export class NodeSenses {
  readonly instanceId: string;
  readonly #limits: Limits;
  readonly services = new Map<string, ServiceSenses>();
  readonly heap: MemorySeries;
  readonly outside: MemorySeries;
  /** Newest report. */
  report: Report;
  seen: number;
  #seq = -1;

  constructor(report: Report, limits: Limits, now: number) {
    this.instanceId = report.instanceId;
    this.#limits = limits;
    this.heap = new MemorySeries(limits.leaking.step, limits.leaking.kept);
    this.outside = new MemorySeries(limits.leaking.step, limits.leaking.kept);
    this.report = report;
    this.seen = now;
  }

  /** False where a newer one was there already: its increments would be held against the wrong second. */
  take(report: Report, now: number): boolean {
    if (report.seq <= this.#seq) return false;
    this.#seq = report.seq;
    this.report = report;
    this.seen = now;
    // A process that starts loads its code: that growth is none.
    if (report.uptime * 1000 >= this.#limits.leaking.span / 2) {
      this.heap.add(report.heapUsed, now);
      this.outside.add(Math.max(0, report.memory - report.heapUsed), now);
    }
    for (const { name, service, errors, faults, lastFault, inFlight, sum, buckets } of report.actions) {
      // Being asked for one's health is no work.
      if (name === `${service}.health`) continue;
      let senses = this.services.get(service);
      if (!senses) {
        if (this.services.size >= MOST_SERVICES) continue;
        senses = new ServiceSenses(this.#limits);
        this.services.set(service, senses);
      }
      senses.inFlight = inFlight;
      if (lastFault) senses.error = lastFault;
      let count = 0;
      for (let i = 1; i < buckets.length; i += 2) count += buckets[i]!;
      senses.streaks.add(name, count, faults ?? errors, now);
      senses.calls.add({ errors: faults ?? errors, sum, buckets }, now);
    }
    return true;
  }
}
