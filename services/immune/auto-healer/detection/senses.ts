import type { BreakerState, HealingTarget } from "../../../../models/healing.ts";
import { count, percent, span } from "../figures.ts";
import { erroring } from "./erroring.ts";
import { exhausted } from "./exhausted.ts";
import type { Finding, Signs } from "./finding.ts";
import { FlappingDetector } from "./flapping.ts";
import { growth, tellGrowth } from "./leaking.ts";
import type { Limits } from "./limits.ts";
import { NodeSenses, type Report, type ServiceSenses } from "./node-senses.ts";
import { type Changes, Persistence } from "./persistence.ts";

/** Why something that looks like a failure is not held to be one. */
export interface Remark {
  /** ISO 8601 */
  at: string;
  text: string;
}

export interface Look extends Changes {
  /** Something to say about what is left out; empty where there is nothing. */
  remark: string;
}

export interface SensesOptions {
  limits: Limits;
  /** Share of all cores of the healer's machine that is in use. */
  machine: () => number;
  cores: number;
  /** Memory of the healer's machine, bytes. */
  memory: number;
}

/** From here on everybody on a machine waits for a core now and then. */
const BUSY_MACHINE = 0.85;
/** A loop with so little rest makes every call wait. */
const BUSY_LOOP = 0.85;
const LATE_LOOP_MS = 100;
const ONE_REPORT_MS = 1500;
const MOST_NODES = 500;
/** Of the services that are called, this share being slow at once has one cause that is in none of them. */
const COMMON = 0.5;
const LEAST_COMMON = 3;
/** Where everybody waits for a core, these are no more than slow calls. */
const TIMED_OUT = /timed[ -]?out|time-?out/i;

/** Takes the vitals of all nodes and says, at each look, what is not as it should be. */
export class Senses {
  readonly #options: SensesOptions;
  readonly #nodes = new Map<string, NodeSenses>();
  readonly #persistence = new Persistence();
  readonly flapping: FlappingDetector;
  /** Calls that failed by a service's fault or got lost on their way to it, since this process began. */
  readonly #losses = new Map<string, number>();
  #calmFrom = 0;

  constructor(options: SensesOptions) {
    this.#options = options;
    this.flapping = new FlappingDetector(options.limits.flapping);
  }

  take(report: Report, now: number): void {
    let senses = this.#nodes.get(report.node);
    if (!senses || senses.instanceId !== report.instanceId) {
      if (!senses && this.#nodes.size >= MOST_NODES) return;
      senses = new NodeSenses(report, this.#options.limits, now);
      this.#nodes.set(report.node, senses);
    }
    if (senses.take(report, now)) this.#countLosses(report);
  }

  losses(service: string): number {
    return this.#losses.get(service) ?? 0;
  }

  #countLosses({ actions, lost = [] }: Report): void {
    const add = (service: string, more: number) => {
      if (more > 0) this.#losses.set(service, this.losses(service) + more);
    };
    for (const { service, faults, errors } of actions) add(service, faults ?? errors);
    for (const { service, count } of lost) add(service, count);
  }

  gone(node: string): void {
    this.#nodes.delete(node);
  }

  /** Something was done about it: what was before says nothing any longer. */
  treated({ service, node }: HealingTarget, now: number): void {
    for (const [id, senses] of this.#nodes) {
      if (node !== undefined && id !== node) continue;
      for (const [name, one] of senses.services) if (service === undefined || service === name) one.forget(now);
    }
  }

  open(): Finding[] {
    return this.#persistence.open();
  }

  /** What the place of a target is like now. */
  signs({ service, node }: HealingTarget): Signs {
    const { limits, machine } = this.#options;
    for (const [id, { report, services, seen }] of this.#nodes) {
      const senses = service === undefined ? undefined : services.get(service);
      if ((node !== undefined && id !== node) || (service !== undefined && !senses)) continue;
      const { window } = limits.slow;
      return {
        machine: machine(),
        loop: report.utilisation,
        ...(report.heapLimit ? { heap: report.heapUsed / report.heapLimit } : {}),
        ...(senses
          ? { inFlight: senses.inFlight, rate: (senses.calls.calls(seen - window, seen).count / window) * 1000 }
          : {}),
      };
    }
    return { machine: machine() };
  }

  /** To be called once a second. @param late this process was late itself, and blames nobody */
  look(now: number, late = false): Look {
    const machine = this.#options.machine();
    // Calls of the busy time stay in the windows for a while.
    if (late || machine >= BUSY_MACHINE || this.#coresInUse(now) >= BUSY_MACHINE) {
      this.#calmFrom = now + this.#options.limits.slow.window;
    }
    const busy = now < this.#calmFrom;
    const fresh = [...this.#nodes].filter(([, { seen }]) => now - seen <= this.#options.limits.silence);
    const findings: Finding[] = this.flapping.look(now);
    const slow: Finding[] = [];
    const breakers = fresh.flatMap(([, { report }]) => report.breakers ?? []);
    let called = 0;
    for (const [node, senses] of fresh) {
      findings.push(...this.#resources(node, senses, now));
      for (const [service, one] of senses.services) {
        if (one.calls.calls(now - this.#options.limits.slow.window, now).count > 0) called++;
        const found = one.slow.look(now, busy);
        if (found) slow.push({ ...found, target: { service, node } });
        const errors = this.#errors(service, node, one, now, breakers);
        if (errors && !(busy && TIMED_OUT.test(errors.error ?? ""))) findings.push(errors);
      }
    }
    const { kept, remark } = this.#judgeSlow(slow, called, new Map(fresh), now);
    findings.push(...kept);
    const said = busy ? this.#busyRemark(machine, fresh) : remark;
    return {
      ...this.#persistence.take(
        findings.map((one) => ({ ...one, signs: { ...this.signs(one.target), ...one.signs } })),
      ),
      remark: said,
    };
  }

  #errors(
    service: string,
    node: string,
    { calls, streaks, error }: ServiceSenses,
    now: number,
    all: readonly BreakerState[],
  ): Finding | undefined {
    const breakers = all.filter(
      (one) => one.node === node && (one.callee === service || one.callee.startsWith(`${service}.`)),
    );
    const found = erroring({ calls, streaks, error, breakers }, this.#options.limits.erroring, now);
    return found && { ...found, target: { service, node } };
  }

  /** Slow calls whose cause is not in the service are held against its node, or nobody. */
  #judgeSlow(
    slow: Finding[],
    called: number,
    nodes: Map<string, NodeSenses>,
    now: number,
  ): { kept: Finding[]; remark: string } {
    const failures = slow.filter(({ severity }) => severity === "failure");
    const warnings = slow.filter(({ severity }) => severity === "warning");
    const onNodes = new Map<string, Finding[]>();
    for (const one of failures) onNodes.set(one.target.node!, [...(onNodes.get(one.target.node!) ?? []), one]);
    if (onNodes.size > 1 && failures.length >= LEAST_COMMON && failures.length >= COMMON * called) {
      const text = `${failures.length} of ${called} services are slow at once: the cause is in none of them`;
      return { kept: [], remark: text };
    }
    const kept: Finding[] = [...warnings];
    for (const [node, here] of onNodes) {
      const senses = nodes.get(node)!;
      const { utilisation, loopDelay } = senses.report;
      if (utilisation < BUSY_LOOP && loopDelay.p99 < LATE_LOOP_MS) {
        kept.push(...here);
        continue;
      }
      const moreLoad = here.some(({ target }) => senses.services.get(target.service!)!.slow.underMoreLoad(now));
      kept.push({
        failure: "slow",
        target: { node },
        severity: moreLoad ? "warning" : "failure",
        evidence: [
          `The event loop of ${node} is busy ${percent(utilisation)} of the time and late by ${span(loopDelay.p99)}, ${moreLoad ? "with more calls than usual" : "with no more calls than usual"}.`,
          `${count(here.length, "service")} on it ${here.length === 1 ? "is" : "are"} slow: ${here.map(({ target }) => target.service).join(", ")}.`,
          ...here.slice(0, 3).map(({ evidence }) => evidence[0]!),
        ],
      });
    }
    return { kept, remark: "" };
  }

  #resources(node: string, { report, heap, outside, seen }: NodeSenses, now: number): Finding[] {
    const { limits, memory } = this.#options;
    // One report is one look.
    if (now - seen > ONE_REPORT_MS) return [];
    const found = exhausted(node, report, limits.exhausted);
    const tell = (what: string, kind: "heap" | "outside", limit: number | undefined) => {
      const grown = growth(kind === "heap" ? heap : outside, kind, limits.leaking, now, report.heapLimit);
      if (!grown) return;
      const told = tellGrowth(grown, what, limit);
      if ((told.secondsLeft ?? 0) * 1000 > limits.leaking.horizon) return;
      found.push({ failure: "leaking", target: { node }, severity: "warning", ...told });
    };
    tell(`The heap of ${node}`, "heap", report.heapLimit);
    // What the heap does not use of the limit is left for the rest.
    const limit = memory - report.heapUsed;
    if (!found.some(({ failure }) => failure === "leaking"))
      tell(`The memory of ${node} outside of the heap`, "outside", limit);
    return found;
  }

  /** Share of the machine's cores that the nodes use by their own account. */
  #coresInUse(now: number): number {
    let sum = 0;
    for (const { report, seen } of this.#nodes.values()) {
      if (now - seen <= this.#options.limits.silence && !report.node.includes("@")) sum += report.cpu;
    }
    return sum / (100 * this.#options.cores);
  }

  #busyRemark(machine: number, fresh: [string, NodeSenses][]): string {
    const latest = fresh.filter(([, { report }]) => report.loopDelay.p99 >= LATE_LOOP_MS).map(([node]) => node);
    const lateNodes = latest.length > 0 ? `; late for that reason: ${latest.join(", ")}` : "";
    return `the machine is or was busy (${percent(machine)} now): slow calls are not held against services${lateNodes}`;
  }
}
