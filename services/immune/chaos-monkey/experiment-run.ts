import type { Detection, HealingRecord, HealingTarget } from "../../../models/healing.ts";
import { type Clock, sleep } from "../../../runtime/clock.ts";
import { type CheckSpec, type Experiment, INSTANT } from "./experiment.ts";
import { Guard } from "./guard.ts";
import type { Intervention, InterventionRequest } from "./intervention.ts";
import { outcomeOf } from "./outcome.ts";
import { type ExperimentReport, say } from "./report.ts";
import {
  type Caller,
  CallProbe,
  type ListedAction,
  readingActions,
  statusProblem,
  timeToRecover,
} from "./steady-state.ts";
import { chooseTarget, type Target } from "./target.ts";
import { isWhole, type Topology } from "./topology.ts";

/** What a run needs of the world. */
export interface World {
  clock: Clock;
  /** Node on which chaos-monkey lives. */
  self: string;
  /** Nothing where the orchestrator does not answer. */
  topology(): Promise<Topology | undefined>;
  intervene(request: InterventionRequest): Promise<Intervention>;
  actions(): ListedAction[];
  call: Caller;
  /** Newest first. */
  history(): Promise<HealingRecord[]>;
}

const LOOK_EVERY_MS = 100;
/** Whatever was only late to be told is waited for before it is counted, ms. */
const SETTLE_MS = 500;
const MAX_KEPT = 100;
/** How long the steady state is waited for before a run is refused, ms: in a suite the last run may still be felt. */
const PATIENCE_MS = 5000;
const PATIENCE_IN_SUITE_MS = 90_000;
const RETRY_EVERY_MS = 250;

/** One run of one experiment: steady state, fault, watch, undo, steady state again. */
export class ExperimentRun {
  readonly report: ExperimentReport;
  readonly #experiment: Experiment;
  readonly #world: World;
  readonly #random: () => number;
  #target: Target = { words: "nobody yet", nodes: [], services: [] };
  #probes: CallProbe[] = [];
  #stopAsked: string | undefined;
  /** When the fault was committed, ms since the epoch. */
  #struck = 0;

  constructor(
    experiment: Experiment,
    world: World,
    random: () => number,
    identity: { id: string; seed: number; suite?: string },
  ) {
    this.#experiment = experiment;
    this.#world = world;
    this.#random = random;
    this.report = {
      ...identity,
      kind: "experiment",
      experiment: experiment.name,
      startedAt: new Date(world.clock.now()).toISOString(),
      status: "running",
      hypothesis: experiment.steadyState.hypothesis,
      hypothesisHeld: null,
      against: [],
      fault: experiment.fault,
      target: this.#target.words,
      detectMs: null,
      recoverMs: null,
      calls: { done: 0, failed: 0, byError: {}, actions: [] },
      lost: 0,
      detections: [],
      healing: [],
      quarantined: [],
      restartedBeyond: [],
      illBeyond: [],
      undone: [],
      timeline: [],
    };
  }

  /** Ends the run as soon as it can. */
  stop(why: string): void {
    this.#stopAsked ??= why;
  }

  detected(detection: Detection): void {
    if (this.#struck === 0) return;
    if (this.report.detections.length < MAX_KEPT) this.report.detections.push(detection);
    const { failure, target, evidence } = detection;
    this.#say(`seen: ${nameOf(target)} ${failure}${evidence[0] ? ` (${evidence[0]})` : ""}`);
    if (this.#concerns(target)) this.#seenAt(Date.parse(detection.at));
  }

  healed(record: HealingRecord): void {
    if (this.#struck === 0) return;
    const { target, failure, action, success, duration, reason } = record;
    this.#say(
      `healing: ${action} of ${nameOf(target)} (${failure}) ${success ? "helped" : "did not help"} in ${duration} ms: ${reason}`,
    );
    if (this.#concerns(target)) this.#seenAt(Date.parse(record.at));
  }

  nodeChanged(id: string, status: string, why: string): void {
    if (this.#struck === 0) return;
    this.#say(`${id} is ${status}${why ? `: ${why}` : ""}`);
    if (status !== "up" && this.#concerns({ node: id })) this.#seenAt(this.#world.clock.now());
  }

  /** The mesh says that a process is gone or hangs, which everybody on this machine then knows. */
  processGone(id: string): void {
    if (this.#struck === 0) return;
    const isTarget =
      this.#target.nodes.includes(id) || (id === "spine" && this.#experiment.fault.kind === "kill-spine");
    if (isTarget) this.#seenAt(this.#world.clock.now());
  }

  /** Runs to the end. Does not throw: whatever goes wrong stands in the report. */
  async run(): Promise<ExperimentReport> {
    const { report } = this;
    try {
      const before = await this.#world.topology();
      const problem = before ? await this.#prepare(before) : "the orchestrator does not tell how the organism is";
      if (problem) {
        report.status = "refused";
        report.against.push(problem);
        this.#say(`not begun: ${problem}`);
      } else await this.#carryOut(before!);
    } catch (error) {
      report.status = "stopped";
      report.stopped = `the run itself failed: ${(error as Error).message}`;
      report.hypothesisHeld = null;
    } finally {
      for (const probe of this.#probes) probe.stop();
      report.endedAt = new Date(this.#world.clock.now()).toISOString();
    }
    return report;
  }

  /** Chooses the target and looks for the steady state. Returns why the run cannot begin. */
  async #prepare(before: Topology): Promise<string | undefined> {
    const { fault, steadyState } = this.#experiment;
    const spared = new Set(before.services.filter(({ runtimeSystem }) => runtimeSystem).map(({ name }) => name));
    const listed = this.#world.actions();
    const automatic = readingActions(listed, spared);
    const target = chooseTarget(fault, before, this.#random, {
      self: this.#world.self,
      watched: servicesOf(watchedActions(steadyState.checks, automatic)),
      withHealth: servicesOf(listed.filter(({ name }) => name.endsWith(".health")).map(({ name }) => name)),
    });
    if ("refusal" in target) return target.refusal;
    this.#target = target;
    this.report.target = target.words;
    const problem = statusProblem(steadyState.checks, before);
    if (problem) return problem;
    for (const check of steadyState.checks) {
      if (check.kind !== "call") continue;
      const actions = watchedActions([check], automatic);
      const probe = new CallProbe(check, actions, this.#world.call, this.#world.clock);
      this.#probes.push(probe);
      const wrong = await this.#untilAnswered(probe);
      if (wrong) return `the steady state is not there: ${wrong}`;
    }
    const called = this.#probes.flatMap(({ actions }) => actions);
    this.report.calls.actions = called;
    this.#say(`steady state: healthy${called.length > 0 ? `, ${called.join(", ")} answered` : ", no action to call"}`);
    return undefined;
  }

  /** One call of each action goes well, at once or after a while: a circuit breaker may still be open. */
  async #untilAnswered(probe: CallProbe): Promise<string | undefined> {
    const { clock } = this.#world;
    const end = clock.now() + (this.report.suite === undefined ? PATIENCE_MS : PATIENCE_IN_SUITE_MS);
    for (let answered = 0; answered < probe.actions.length; ) {
      const wrong = await probe.once();
      answered = wrong ? 0 : answered + 1;
      if (!wrong) continue;
      if (clock.now() >= end || this.#stopAsked !== undefined) return wrong;
      await sleep(clock, RETRY_EVERY_MS);
    }
    return undefined;
  }

  async #carryOut(before: Topology): Promise<void> {
    const { report } = this;
    const { fault, duration, steadyState } = this.#experiment;
    const { clock } = this.#world;
    for (const probe of this.#probes) probe.start();
    this.#struck = clock.now();
    let intervention: Intervention;
    try {
      const request = { run: report.id, fault, target: this.#target, before, duration };
      intervention = await this.#world.intervene(request);
    } catch (error) {
      report.status = "refused";
      report.against.push(`the fault could not be committed: ${(error as Error).message}`);
      this.#say(report.against[0]!);
      return;
    }
    this.#say(`fault: ${fault.kind} of ${this.#target.words}`);
    const stopped = await this.#watch(before, intervention);
    const ended = clock.now();
    report.undone = await intervention.undo();
    for (const how of report.undone) this.#say(`undone: ${how}`);
    if (stopped) {
      report.stopped = stopped;
      this.#say(`stopped: ${stopped}`);
    }
    const isInstant = INSTANT.includes(fault.kind);
    const since = isInstant ? this.#struck : ended;
    const after = await this.#untilWhole(intervention, isInstant, since, timeToRecover(steadyState.checks));
    await sleep(clock, SETTLE_MS);
    for (const probe of this.#probes) probe.stop();
    const history = await this.#world.history().catch(() => []);
    outcomeOf(report, this.#experiment, this.#target, {
      before,
      after: (await this.#world.topology()) ?? after,
      probes: this.#probes,
      history: history.filter(({ at }) => Date.parse(at) >= this.#struck - 1000),
    });
    report.status = stopped ? "stopped" : "done";
    this.#say(
      report.hypothesisHeld ? "the hypothesis held" : `the hypothesis did not hold: ${report.against.join("; ")}`,
    );
  }

  /** Looks on while the fault is there. Returns why it has to end before its time. */
  async #watch(before: Topology, intervention: Intervention): Promise<string | undefined> {
    const { clock } = this.#world;
    const { fault, blastRadius: radius, stop, duration } = this.#experiment;
    const guard = new Guard({ before, target: this.#target, radius, stop, since: this.#struck });
    const isInstant = INSTANT.includes(fault.kind);
    for (;;) {
      const topology = await this.#world.topology();
      const now = clock.now();
      const failed = this.#probes.reduce((sum, probe) => sum + probe.failed, 0);
      const why = this.#stopAsked ?? guard.look(topology, failed, now);
      this.report.illBeyond = [...guard.illServices];
      if (why) return why;
      if (topology) this.#note(topology, now);
      const age = now - this.#struck;
      if (age >= duration) return undefined;
      if (isInstant && topology && isWhole(topology) && intervention.isBack(topology)) return undefined;
      await sleep(clock, Math.min(LOOK_EVERY_MS, duration - age));
    }
  }

  /** Waits for the steady state, and keeps the time that it took. */
  async #untilWhole(intervention: Intervention, isInstant: boolean, since: number, within: number) {
    const { clock } = this.#world;
    let last: Topology | undefined;
    for (;;) {
      const topology = await this.#world.topology();
      const now = clock.now();
      if (topology) last = topology;
      if (topology && isWhole(topology) && (!isInstant || intervention.isBack(topology))) {
        this.report.recoverMs = now - since;
        this.#say(`everything is healthy, ${now - since} ms after ${isInstant ? "the fault" : "its end"}`);
        return topology;
      }
      if (now - since >= within) return last;
      await sleep(clock, LOOK_EVERY_MS);
    }
  }

  /** The target's illness as the guard sees it, where nobody has told of it. */
  #note(topology: Topology, now: number): void {
    if (this.report.detectMs !== null) return;
    const node = topology.nodes.find(({ id, status }) => this.#target.nodes.includes(id) && status !== "up");
    const service = topology.services.find(
      ({ name, status }) => name === this.#target.service && (status === "unhealthy" || status === "quarantined"),
    );
    if (node || service) this.#seenAt(now);
  }

  #concerns({ service, node }: HealingTarget): boolean {
    if (service !== undefined) return this.#target.services.includes(service);
    return node !== undefined && this.#target.nodes.includes(node);
  }

  #seenAt(at: number): void {
    const after = Math.max(0, at - this.#struck);
    this.report.detectMs = this.report.detectMs === null ? after : Math.min(this.report.detectMs, after);
  }

  #say(what: string): void {
    say(this.report, what, this.#world.clock.now());
  }
}

function nameOf({ service, node }: HealingTarget): string {
  return service && node ? `${service} on ${node}` : (service ?? node ?? "the organism");
}

/** Actions that the checks call. */
function watchedActions(checks: readonly CheckSpec[], automatic: readonly string[]): string[] {
  const named = checks.flatMap((check) => (check.kind === "call" ? [check.action] : []));
  return named.flatMap((action) => (action === "auto" ? automatic : [action]));
}

function servicesOf(actions: readonly string[]): Set<string> {
  return new Set(actions.map((action) => action.slice(0, action.lastIndexOf("."))));
}
