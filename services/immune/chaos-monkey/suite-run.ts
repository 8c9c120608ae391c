import { type Clock, sleep } from "../../../runtime/clock.ts";
import { MAX_SEED, pick } from "./random.ts";
import { type ExperimentReport, rowOf, type SuiteReport, say } from "./report.ts";
import type { Suite } from "./suite.ts";

/** A quarantined service is tried again by itself after a minute or two, ms. */
const CALM_WITHIN_MS = 180_000;

const REST_STEP_MS = 250;
const OF_CALLS = ["erroring", "slow"];

export interface SuiteWorld {
  clock: Clock;
  random: () => number;
  untilCalm(within: number, isStopped: () => boolean): Promise<string | undefined>;
  /** Time over which the healer measures errors and slowness, ms: what a run leaves behind must not fall upon the next. */
  aftermath: number;
  /** Runs one experiment to its end. */
  experiment(name: string, seed: number, suite: string): Promise<ExperimentReport>;
  stopExperiment(why: string): void;
  save(report: SuiteReport): Promise<void>;
}

/** Experiments one after the other, each from a calm organism. */
export class SuiteRun {
  readonly report: SuiteReport;
  readonly #suite: Suite;
  readonly #world: SuiteWorld;

  constructor(suite: Suite, world: SuiteWorld, identity: { id: string; seed: number }) {
    this.#suite = suite;
    this.#world = world;
    this.report = {
      ...identity,
      kind: "suite",
      suite: suite.name,
      startedAt: new Date(world.clock.now()).toISOString(),
      status: "running",
      hypothesisHeld: null,
      rows: [],
      timeline: [],
    };
  }

  stop(why: string): void {
    this.report.stopped ??= why;
    this.#world.stopExperiment(why);
  }

  async run(): Promise<SuiteReport> {
    const { report } = this;
    const { clock, random, experiment } = this.#world;
    const { experiments, order = "listed", duration = 0, pause = 1000 } = this.#suite;
    const end = clock.now() + duration;
    const queue = [...experiments];
    while (report.stopped === undefined) {
      const name = order === "random" ? pick(experiments, random) : queue.shift();
      if (name === undefined || (order === "random" && clock.now() >= end)) break;
      const seed = Math.floor(random() * MAX_SEED);
      const unrest = await this.#world.untilCalm(CALM_WITHIN_MS, () => report.stopped !== undefined);
      if (unrest) {
        report.stopped ??= `${name} could not begin: ${unrest}`;
        break;
      }
      const outcome = await experiment(name, seed, report.id);
      report.rows.push(rowOf(outcome));
      const verdict =
        outcome.hypothesisHeld === null ? outcome.status : outcome.hypothesisHeld ? "held" : "did not hold";
      say(report, `${name} (${outcome.target}): ${verdict}`, clock.now());
      await this.#world.save(report);
      const isLast = order === "listed" && queue.length === 0;
      if (!isLast) await this.#rest(Math.max(pause, isFelt(outcome) ? this.#world.aftermath : 0));
    }
    report.status = report.stopped === undefined ? "done" : "stopped";
    report.endedAt = new Date(clock.now()).toISOString();
    // What does not exist here, as a private nats-server on the mesh, proves nothing either way.
    const tested = report.rows.filter(({ held }) => held !== null);
    report.hypothesisHeld = tested.length > 0 && report.stopped === undefined && tested.every(({ held }) => held);
    return report;
  }

  async #rest(ms: number): Promise<void> {
    const { clock } = this.#world;
    for (const end = clock.now() + ms; clock.now() < end && this.report.stopped === undefined; )
      await sleep(clock, Math.min(REST_STEP_MS, end - clock.now()));
  }
}

/** Whether the healer may still be counting what this run has done to calls. */
function isFelt({ fault, lost, detections }: ExperimentReport): boolean {
  return fault.kind === "delay-calls" || lost > 0 || detections.some(({ failure }) => OF_CALLS.includes(failure));
}
