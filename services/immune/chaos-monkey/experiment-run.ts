import type { Topology } from "../../../models/topology.ts";
import { sleep } from "../../../runtime/clock.ts";
import { CallProbe, readingActions, untilAnswered } from "./call-probe.ts";
import { type Experiment, INSTANT } from "./experiment.ts";
import { Guard } from "./guard.ts";
import type { Intervention } from "./intervention.ts";
import { Observations } from "./observations.ts";
import { outcomeOf } from "./outcome.ts";
import { type ExperimentReport, newReport, type RunIdentity, say } from "./report.ts";
import { servicesOf, statusProblem, timeToRecover, watchedActions } from "./steady-state.ts";
import { chooseTarget, type Target } from "./target.ts";
import { isWhole } from "./topology.ts";
import type { World } from "./world.ts";

const LOOK_EVERY_MS = 100;
/** Whatever was only late to be told is waited for before it is counted, ms. */
const SETTLE_MS = 500;
/** How long the steady state is waited for before a run is refused, ms: in a suite the last run may still be felt. */
const PATIENCE_MS = 5000;
const PATIENCE_IN_SUITE_MS = 90_000;

/** One run of one experiment: steady state, fault, watch, undo, steady state again. */
export class ExperimentRun {
  readonly report: ExperimentReport;
  /** From the fault to the end. */
  observations: Observations | undefined;
  readonly #experiment: Experiment;
  readonly #world: World;
  readonly #random: () => number;
  #target: Target = { words: "nobody yet", nodes: [], services: [] };
  #probes: CallProbe[] = [];
  #intervention: Intervention | undefined;
  #stopAsked: string | undefined;

  constructor(experiment: Experiment, world: World, random: () => number, identity: RunIdentity) {
    this.#experiment = experiment;
    this.#world = world;
    this.#random = random;
    this.report = newReport(experiment, identity, world.clock.now());
  }

  /** Ends the run as soon as it can. */
  stop(why: string): void {
    this.#stopAsked ??= why;
  }

  /** Runs to the end. Does not throw: whatever goes wrong stands in the report, and no fault stays behind. */
  async run(): Promise<ExperimentReport> {
    const { report } = this;
    try {
      const before = await this.#world.topology();
      const problem = before ? await this.#prepare(before) : "the orchestrator does not tell how the organism is";
      if (problem) this.#refuse(`not begun: ${problem}`, problem);
      else await this.#carryOut(before!);
    } catch (error) {
      report.status = "stopped";
      report.stopped = `the run itself failed: ${(error as Error).message}`;
      report.hypothesisHeld = null;
    } finally {
      await this.#undo().catch((error: Error) => report.undone.push(error.message));
      for (const probe of this.#probes) probe.stop();
      this.observations = undefined;
      report.endedAt = new Date(this.#world.clock.now()).toISOString();
    }
    return report;
  }

  /** Chooses the target and looks for the steady state. Returns why the run cannot begin. */
  async #prepare(before: Topology): Promise<string | undefined> {
    const { self, clock, call } = this.#world;
    const { fault, steadyState } = this.#experiment;
    const spared = new Set(before.services.filter(({ runtimeSystem }) => runtimeSystem).map(({ name }) => name));
    const listed = this.#world.actions();
    const automatic = readingActions(listed, spared);
    const target = chooseTarget(fault, before, this.#random, {
      self,
      watched: servicesOf(watchedActions(steadyState.checks, automatic)),
      withHealth: servicesOf(listed.filter(({ name }) => name.endsWith(".health")).map(({ name }) => name)),
    });
    if ("refusal" in target) return target.refusal;
    this.#target = target;
    this.report.target = target.words;
    const problem = statusProblem(steadyState.checks, before);
    if (problem) return problem;
    const patience = this.report.suite === undefined ? PATIENCE_MS : PATIENCE_IN_SUITE_MS;
    for (const check of steadyState.checks) {
      if (check.kind !== "call") continue;
      const probe = new CallProbe(check, watchedActions([check], automatic), call, clock);
      this.#probes.push(probe);
      const wrong = await untilAnswered(probe, clock, patience, () => this.#stopAsked !== undefined);
      if (wrong) return `the steady state is not there: ${wrong}`;
    }
    const called = this.#probes.flatMap(({ actions }) => actions);
    this.report.calls.actions = called;
    this.#say(`steady state: healthy${called.length > 0 ? `, ${called.join(", ")} answered` : ", no action to call"}`);
    return this.#stopAsked;
  }

  async #carryOut(before: Topology): Promise<void> {
    const { report } = this;
    const { fault, duration, steadyState } = this.#experiment;
    const { clock, intervene } = this.#world;
    for (const probe of this.#probes) probe.start();
    this.observations = new Observations(report, this.#target, clock);
    const { since: struck } = this.observations;
    try {
      this.#intervention = await intervene({ run: report.id, fault, target: this.#target, before, duration });
    } catch (error) {
      const why = `the fault could not be committed: ${(error as Error).message}`;
      this.#refuse(why, why);
      return;
    }
    const { isBack } = this.#intervention;
    this.#say(`fault: ${fault.kind} of ${this.#target.words}`);
    const isInstant = INSTANT.includes(fault.kind);
    const isWell = (topology: Topology) => isWhole(topology) && (!isInstant || isBack(topology));
    const stopped = await this.#watch(before, struck, isInstant ? isWell : () => false);
    const ended = clock.now();
    await this.#undo();
    if (stopped) {
      report.stopped = stopped;
      this.#say(`stopped: ${stopped}`);
    }
    const since = isInstant ? struck : ended;
    const after = await this.#untilWell(isWell, since, timeToRecover(steadyState.checks));
    if (report.recoverMs !== null)
      this.#say(`everything is healthy, ${report.recoverMs} ms after ${isInstant ? "the fault" : "its end"}`);
    await sleep(clock, SETTLE_MS);
    for (const probe of this.#probes) probe.stop();
    const history = await this.#world.history().catch(() => []);
    outcomeOf(report, this.#experiment, this.#target, {
      before,
      after: (await this.#world.topology()) ?? after,
      probes: this.#probes,
      history: history.filter(({ at }) => Date.parse(at) >= struck),
    });
    report.status = stopped ? "stopped" : "done";
    this.#say(
      report.hypothesisHeld ? "the hypothesis held" : `the hypothesis did not hold: ${report.against.join("; ")}`,
    );
  }

  /** Looks on while the fault is there. Returns why it has to end before its time. */
  async #watch(before: Topology, since: number, isOver: (now: Topology) => boolean): Promise<string | undefined> {
    const { clock } = this.#world;
    const { blastRadius: radius, stop, duration } = this.#experiment;
    const guard = new Guard({ before, target: this.#target, radius, stop, since });
    for (;;) {
      const topology = await this.#world.topology();
      const now = clock.now();
      const failed = this.#probes.reduce((sum, probe) => sum + probe.failed, 0);
      const why = this.#stopAsked ?? guard.look(topology, failed, now);
      this.report.illBeyond = [...guard.illServices];
      if (why) return why;
      if (topology) this.observations!.note(topology, now);
      const age = now - since;
      if (age >= duration || (topology && isOver(topology))) return undefined;
      await sleep(clock, Math.min(LOOK_EVERY_MS, duration - age));
    }
  }

  /** Waits for the steady state, and keeps the time that it took. Returns the last that was seen. */
  async #untilWell(isWell: (now: Topology) => boolean, since: number, within: number): Promise<Topology | undefined> {
    const { clock } = this.#world;
    let last: Topology | undefined;
    for (;;) {
      last = (await this.#world.topology()) ?? last;
      const now = clock.now();
      if (last && isWell(last)) {
        this.report.recoverMs = now - since;
        return last;
      }
      if (now - since >= within) return last;
      await sleep(clock, LOOK_EVERY_MS);
    }
  }

  async #undo(): Promise<void> {
    const intervention = this.#intervention;
    this.#intervention = undefined;
    for (const how of (await intervention?.undo()) ?? []) {
      this.report.undone.push(how);
      this.#say(`undone: ${how}`);
    }
  }

  #refuse(what: string, why: string): void {
    this.report.status = "refused";
    this.report.against.push(why);
    this.#say(what);
  }

  #say(what: string): void {
    say(this.report, what, this.#world.clock.now());
  }
}
