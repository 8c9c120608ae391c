import type { BreakerState } from "../../../models/healing.ts";
import { bucketOf } from "../../../runtime/vitals/histogram.ts";
import type { Finding } from "../../../services/immune/auto-healer/detection/finding.ts";
import { type Limits, limits } from "../../../services/immune/auto-healer/detection/limits.ts";
import type { Report } from "../../../services/immune/auto-healer/detection/node-senses.ts";
import { Senses } from "../../../services/immune/auto-healer/detection/senses.ts";

export const MB = 2 ** 20;

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** What one service does in one second. */
export interface Second {
  calls: number;
  /** One call's duration, ms. */
  duration: () => number;
  errors?: number;
  error?: string;
}

/** What a node is like in one second; what is left out is as on a healthy node. */
export interface NodeSecond {
  services?: Record<string, Second>;
  heapUsed?: number;
  memory?: number;
  cpu?: number;
  loopDelay?: number;
  utilisation?: number;
  heapLimit?: number;
  files?: { open: number; limit: number };
  disk?: { free: number; total: number };
  breakers?: BreakerState[];
}

/** Seconds of an organism's life, seen through the healer's senses. */
export class Simulation {
  now = 1_000_000_000;
  machine = 0.2;
  readonly senses: Senses;
  readonly limits: Limits;
  readonly begun: Finding[] = [];
  readonly ended: Finding[] = [];
  readonly remarks: string[] = [];
  #seq = 0;
  #uptime = 1000;

  constructor(scale = 1) {
    this.limits = limits(scale);
    this.senses = new Senses({ limits: this.limits, machine: () => this.machine, cores: 2, memory: 4096 * MB });
  }

  second(nodes: Record<string, NodeSecond>, late = false): void {
    this.now += 1000;
    this.#uptime++;
    this.#seq++;
    for (const [node, state] of Object.entries(nodes)) this.senses.take(this.#report(node, state), this.now);
    const { begun, ended, remark } = this.senses.look(this.now, late);
    this.begun.push(...begun);
    this.ended.push(...ended);
    if (remark) this.remarks.push(remark);
  }

  seconds(n: number, nodes: (second: number) => Record<string, NodeSecond>): void {
    for (let i = 0; i < n; i++) this.second(nodes(i));
  }

  #report(node: string, state: NodeSecond): Report {
    const {
      services = {},
      heapUsed = 40 * MB,
      memory = 110 * MB,
      cpu = 5,
      loopDelay = 1,
      utilisation = 0.05,
      ...rest
    } = state;
    return {
      node,
      seq: this.#seq,
      instanceId: `${node}/1`,
      cpu,
      memory,
      heapUsed,
      loopDelay: { p50: loopDelay / 2, p99: loopDelay, max: loopDelay },
      utilisation,
      uptime: this.#uptime,
      ...rest,
      actions: Object.entries(services).map(([service, { calls, duration, errors = 0, error }]) => {
        const buckets = new Map<number, number>();
        let sum = 0;
        for (let i = 0; i < calls; i++) {
          const microseconds = duration() * 1000;
          sum += microseconds;
          buckets.set(bucketOf(microseconds), (buckets.get(bucketOf(microseconds)) ?? 0) + 1);
        }
        return {
          name: `${service}.work`,
          service,
          errors,
          inFlight: 0,
          sum,
          buckets: [...buckets].flat(),
          ...(error ? { lastFault: error } : {}),
        };
      }),
    };
  }
}
