import type { BeforeAfter } from "../../../../models/performance.ts";
import type { Seen } from "../measurements/action-table.ts";
import { Comparison } from "./comparison.ts";
import type { Proposal } from "./knob.ts";
import type { Traffic } from "./traffic.ts";

export interface ExperimentTimes {
  /** How far back calls are taken as those before, ms. @default 120_000 */
  before: number;
  /** Calls right after a change are not compared: caches are cold, code is new; ms. @default 3000 */
  settle: number;
  /** Longest time until the verdict, ms. @default 300_000 */
  longest: number;
  /** Calls that a node tells of come so much later, ms. @default 2500 */
  lag: number;
  /** Calls on each side without which nothing is said. @default 100 */
  minCalls: number;
}

export const TIMES: ExperimentTimes = { before: 120_000, settle: 3000, longest: 300_000, lag: 2500, minCalls: 100 };

export type Outcome =
  | { decision: "continue" }
  | { decision: "keep" | "undo"; why: string; effect: BeforeAfter; cost?: BeforeAfter }
  | { decision: "void"; why: string; effect?: BeforeAfter };

/** Share of failed calls that may come on top before a change is taken for harmful, and calls to tell it by. */
const MORE_FAILURES = 0.05;
const FAILURES_OF = 20;

/** One change of one service, watched: what its calls were like before, and what they are like now. */
export class Experiment {
  readonly #proposal: Proposal;
  readonly #service: string;
  readonly #traffic: Traffic;
  readonly #times: ExperimentTimes;
  readonly #comparison: Comparison;
  readonly #costs: Comparison | undefined;
  #seen: Seen = "called";
  #lives = "";
  #failures = 0;
  #began = 0;
  #fed = 0;

  constructor(service: string, proposal: Proposal, traffic: Traffic, times: ExperimentTimes) {
    this.#service = service;
    this.#proposal = proposal;
    this.#traffic = traffic;
    this.#times = times;
    const { minCalls } = times;
    this.#comparison = new Comparison({ minCalls });
    this.#costs = proposal.costs?.length ? new Comparison({ minCalls, worthwhile: 0.8 }) : undefined;
  }

  /** Takes in the calls of the time before. Says why nothing can be compared; nothing where it can. */
  look(now: number): string | undefined {
    const { actions, node, costs } = this.#proposal;
    const from = Math.max(now - this.#times.before, this.#traffic.calmSince(this.#service));
    const seconds = (seen: Seen) => this.#traffic.seconds(actions, node, seen, from, now);
    const called = seconds("called");
    const served = seconds("served");
    // Calls of programs outside are seen only where they are served.
    this.#seen = callsOf(called) * 2 >= callsOf(served) ? "called" : "served";
    for (const second of this.#seen === "called" ? called : served) this.#comparison.before(second);
    for (const second of costs ? this.#traffic.seconds(costs, node, this.#seen, from, now) : []) {
      this.#costs?.before(second);
    }
    const { before } = this.#comparison.calls;
    if (before < this.#times.minCalls) {
      return `${before} calls of ${named(actions)} in ${Math.max(0, Math.round((now - from) / 1000))} s are too few to compare with; ${this.#times.minCalls} are needed`;
    }
    return undefined;
  }

  /** The change is made. */
  begin(now: number): void {
    this.#began = now;
    this.#fed = now + this.#times.settle;
    this.#lives = this.#traffic.livesOf(this.#service);
    this.#failures = this.#traffic.failures(this.#proposal.actions, this.#proposal.node).share;
  }

  /** How it stands. To be asked about once a second. */
  judge(now: number): Outcome {
    const { actions, node, costs } = this.#proposal;
    const lives = this.#traffic.livesOf(this.#service);
    if (lives !== this.#lives) return { decision: "void", why: `${this.#service} runs in another life than before` };
    const disturbance = this.#traffic.disturbance(this.#service, this.#began);
    if (disturbance) return { decision: "void", why: disturbance };

    const to = Math.floor((now - this.#times.lag) / 1000) * 1000;
    if (to > this.#fed) {
      for (const second of this.#traffic.seconds(actions, node, this.#seen, this.#fed, to)) {
        this.#comparison.after(second);
      }
      for (const second of costs ? this.#traffic.seconds(costs, node, this.#seen, this.#fed, to) : []) {
        this.#costs?.after(second);
      }
      this.#fed = to;
    }
    const { decision, effect } = this.#comparison.verdict();
    const seen = this.#costs?.calls;
    const cost = seen && seen.before > 0 && seen.after > 0 ? this.#costs!.verdict().effect : undefined;
    const told = { effect, ...(cost ? { cost } : {}) };
    const failures = this.#traffic.failures(actions, node);
    if (failures.calls >= FAILURES_OF && failures.share > this.#failures + MORE_FAILURES) {
      return {
        decision: "undo",
        why: `${percent(failures.share)} of its calls fail, ${percent(this.#failures)} before`,
        ...told,
      };
    }
    if (decision === "better") {
      const dear = this.#tooDear(effect);
      return dear ? { decision: "undo", why: dear, ...told } : { decision: "keep", why: words(effect), ...told };
    }
    if (decision === "worse") return { decision: "undo", why: `it made calls slower: ${words(effect)}`, ...told };
    if (decision === "no difference") {
      return { decision: "undo", why: `it made no difference that is worth its while: ${words(effect)}`, ...told };
    }
    if (now - this.#began < this.#times.longest) return { decision: "continue" };
    const { after } = this.#comparison.calls;
    const spent = `${Math.round(this.#times.longest / 1000)} s`;
    const why =
      after < this.#times.minCalls
        ? `only ${after} calls came in ${spent}`
        : `${after} calls in ${spent} do not show whether it helps`;
    return { decision: "void", why, effect };
  }

  /** What other calls lose by it, where that is more than what is gained. */
  #tooDear(effect: BeforeAfter): string | undefined {
    const verdict = this.#costs?.verdict();
    if (verdict?.decision !== "worse") return undefined;
    const gained = (effect.before.mean - effect.after.mean) * effect.after.count;
    const lost = (verdict.effect.after.mean - verdict.effect.before.mean) * verdict.effect.after.count;
    if (lost <= gained) return undefined;
    return `${named(this.#proposal.costs!)} became slower (${words(verdict.effect)}), which costs more than it gains`;
  }
}

function callsOf(seconds: readonly (readonly number[])[]): number {
  let calls = 0;
  for (const buckets of seconds) for (let i = 1; i < buckets.length; i += 2) calls += buckets[i]!;
  return calls;
}

function words({ metric, before, after, ratio, confidence }: BeforeAfter): string {
  const figure = metric.endsWith("p95") ? "p95" : "mean";
  const ms = (value: number) => `${Math.round(value * 100) / 100} ms`;
  return `${figure} ${ms(before[figure])} before, ${ms(after[figure])} after, ${percent(Math.abs(1 - ratio))} ${ratio < 1 ? "faster" : "slower"} (${percent(confidence)} sure)`;
}

const percent = (share: number) =>
  `${Math.min(share * 100, 99.9) === 99.9 && share < 1 ? 99.9 : Math.round(share * 1000) / 10} %`;
const named = (actions: readonly string[]) => actions.slice(0, 3).join(", ") + (actions.length > 3 ? ", …" : "");
