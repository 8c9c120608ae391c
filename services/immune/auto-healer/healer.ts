import { randomUUID } from "node:crypto";
import { cpus, totalmem } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { Detection, Failure, HealingRecord, HealingRequest, HealingResult } from "../../../models/healing.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { signatureOf } from "../../../runtime/healing/signature.ts";
import { LoopWatch } from "../../../runtime/loop-watch.ts";
import { builtInActions } from "./actions/built-in.ts";
import { checkRequest } from "./actions/check-request.ts";
import { Executor } from "./actions/executor.ts";
import type { HealingAction, Order } from "./actions/healing-action.ts";
import { loadPlugins } from "./actions/plugins.ts";
import { ActionRegistry } from "./actions/registry.ts";
import { decide, untouchable } from "./decide.ts";
import { type Finding, keyOf } from "./detection/finding.ts";
import { limits } from "./detection/limits.ts";
import { Machine } from "./detection/machine.ts";
import type { Report } from "./detection/node-senses.ts";
import { Senses } from "./detection/senses.ts";
import { span } from "./figures.ts";
import { Lessons } from "./lessons.ts";
import type { NotedCase } from "./memory/case-book.ts";
import { CaseMemory } from "./memory/case-memory.ts";
import { type LearningMode, OrchestratorLink } from "./orchestrator-link.ts";
import { type PredictiveMode, predictiveMode } from "./predictive.ts";
import { belongsToLadder } from "./remedies.ts";
import type { Candidate, Situation } from "./situation.ts";
import { nodeOf, serviceOf, type Topology } from "./topology.ts";

export interface HealerOptions {
  broker: ServiceBroker;
  logger: ServiceBroker["logger"];
  clock: Clock;
  store: StoreMethods;
  /** Full name of the healer's service. */
  name: string;
  settings: {
    AZORA_HEALING_TIME_SCALE: number;
    AZORA_HEALING_PREDICTIVE: string;
    AZORA_HEALING_LEARNING: string;
    AZORA_HEALING_PLUGINS: string;
    AZORA_DEFAULT_MAX_RESTART_ATTEMPTS: number;
  };
  /** Share of all cores in use. @default that of this machine */
  machine?: () => number;
}

/** A failure that is being dealt with. */
interface Treatment {
  case: string;
  finding: Finding;
  mode: PredictiveMode;
  /** Actions that did not help, with why. */
  tried: Map<string, string>;
  acts: number;
  /** Calls that had failed before it began. */
  losses: number;
  /** What was done last, and until when it may show. */
  last?: { action: string; until: number } | undefined;
  busy: boolean;
  over: boolean;
}

const LOOK_EVERY_MS = 1000;
/** Time that an act is given to show in the calls, ms. */
const SETTLE_MS = 20_000;
const LEAST_SETTLE_MS = 5000;
/** What comes back within this time was not healed, ms. */
const RELAPSE_MS = 300_000;
const LEAST_RELAPSE_MS = 30_000;
/** Cases of the ladder of which nothing was heard for so long are looked after, ms. */
const FORGOTTEN_MS = 120_000;
const MOST_HISTORY = 1000;
const MOST_TRIES = 10;

/** Finds, decides, has it done, remembers and learns. */
export class Healer {
  readonly #options: HealerOptions;
  readonly link: OrchestratorLink;
  readonly memory: CaseMemory;
  readonly lessons: Lessons;
  readonly senses: Senses;
  readonly executor: Executor;
  readonly loop = new LoopWatch();
  /** What is wrong with plug-in files. */
  pluginProblems: string[] = [];
  plugins = 0;
  /** Newest reason for which something was not held to be a failure. */
  remark: { at: string; text: string } | undefined;
  #registry: ActionRegistry;
  readonly #treatments = new Map<string, Treatment>();
  /** What was treated lately, by what it was. */
  readonly #lately = new Map<string, { tried: Map<string, string>; helped: string | undefined; at: number }>();
  #timer: (() => void) | undefined;
  #swept = 0;

  constructor(options: HealerOptions) {
    this.#options = options;
    const { broker, clock, store, name, settings } = options;
    const scale = settings.AZORA_HEALING_TIME_SCALE;
    this.link = new OrchestratorLink(broker, clock, name);
    this.memory = new CaseMemory({ store });
    this.lessons = new Lessons({
      clock,
      store,
      link: this.link,
      mode: settings.AZORA_HEALING_LEARNING as LearningMode,
      timeScale: scale,
      attempts: settings.AZORA_DEFAULT_MAX_RESTART_ATTEMPTS,
    });
    const machine = new Machine();
    this.senses = new Senses({
      limits: limits(scale),
      machine: options.machine ?? (() => machine.busy()),
      cores: cpus().length,
      memory: totalmem(),
    });
    this.executor = new Executor({ clock, scale, ended: (...ended) => this.#ended(...ended) });
    this.#registry = this.#registryWith([]);
  }

  async start(): Promise<void> {
    const { settings, logger } = this.#options;
    await this.memory.load();
    await this.lessons.load();
    const { actions, problems } = await loadPlugins(settings.AZORA_HEALING_PLUGINS, { call: this.#call, logger });
    this.pluginProblems = problems;
    this.plugins = actions.length;
    for (const problem of problems) logger.warn(`a healing plug-in is not used: ${problem}`);
    this.#registry = this.#registryWith(actions);
    this.loop.start();
    // Signed on at once, so that it can act as soon as it is there.
    if (await this.link.keep()) void this.#signedOn();
    this.#next();
  }

  async stop(): Promise<void> {
    this.#timer?.();
    this.loop.stop();
    await this.memory.flush();
    await this.lessons.save().catch(() => {});
  }

  /** @throws AzoraError of the check, of the executor, or HEALING_REFUSED */
  async execute(request: Omit<HealingRequest, "timeout"> & { timeout?: number }): Promise<HealingResult> {
    this.#mustAct();
    const topology = await this.link.topology();
    const { order, action } = checkRequest(request, topology, this.#registry);
    const refused = untouchable(topology, order.target, order.action, this.#self) ?? forced(order);
    if (refused) throw new AzoraError("HEALING_REFUSED", refused, { action: order.action, target: order.target });
    return this.executor.execute(order, action);
  }

  async actions(): Promise<Omit<HealingAction, "carryOut" | "journaled">[]> {
    const all = this.#registry.all(await this.link.topology());
    return all.map(({ carryOut: _carryOut, journaled: _journaled, ...told }) => told);
  }

  /** By its own id, or by that of an act in it. */
  async caseOf(id: string): Promise<NotedCase | undefined> {
    const found = await this.memory.get(id);
    if (found) return found;
    const [record] = await this.link.history(1, id).catch(() => []);
    return record && this.memory.get(record.case ?? record.id);
  }

  forecasts() {
    const { AZORA_HEALING_PREDICTIVE: predictive } = this.#options.settings;
    const told = this.senses.open().map(({ signs: _signs, error: _error, lost: _lost, ...rest }) => rest);
    return {
      predictive,
      warnings: told.filter(({ severity }) => severity === "warning"),
      failures: told.filter(({ severity }) => severity === "failure"),
      remark: this.remark ?? null,
    };
  }

  vitals(report: Report): void {
    this.senses.take(report, this.#options.clock.now());
  }

  /** Somebody else has seen a failure. */
  async detected(detection: Detection): Promise<void> {
    if (!belongsToLadder(detection.failure)) return;
    this.senses.flapping.failed(detection.target, this.#options.clock.now());
    await this.memory.detected(detection);
  }

  /** Something was done, whoever did it. */
  async recorded(record: HealingRecord): Promise<void> {
    const isNew = await this.memory.recorded(record);
    if (!isNew) return;
    if (record.success && record.by === "ladder")
      this.senses.flapping.recovered(record.target, this.#options.clock.now());
    await this.lessons.observe(record);
    if (!record.success && record.by === "ladder" && record.action !== "quarantine") await this.#afterLadder(record);
  }

  nodeGone(node: string): void {
    this.senses.gone(node);
  }

  get #self() {
    return { service: this.#options.name, node: this.#options.broker.nodeID };
  }

  #next(wait = LOOK_EVERY_MS): void {
    this.#timer = this.#options.clock.after(wait, () => {
      this.#look().catch((error: Error) => this.#options.logger.error("a look at the organism failed", error));
      this.#next();
    });
  }

  async #look(): Promise<void> {
    if (await this.link.keep()) await this.#signedOn();
    const now = this.#options.clock.now();
    const { begun, ended, remark } = this.senses.look(now, this.loop.isLate());
    if (remark && remark !== this.remark?.text) {
      this.remark = { at: new Date(now).toISOString(), text: remark };
      this.#options.logger.info(remark);
    }
    for (const finding of ended) this.#over(finding);
    for (const finding of begun) await this.#found(finding);
    for (const treatment of this.#treatments.values()) {
      if (!treatment.last || treatment.busy || now < treatment.last.until) continue;
      treatment.tried.set(treatment.last.action, "it went on all the same");
      treatment.last = undefined;
      void this.#treat(treatment);
    }
    if (now - this.#swept >= FORGOTTEN_MS / 2) {
      this.#swept = now;
      await this.#sweep(now);
    }
  }

  /** What was done while this healer was away is taken in, oldest first. */
  async #signedOn(): Promise<void> {
    this.#options.logger.info(`signed on with epoch ${this.link.epoch}`);
    const history = await this.link.history(MOST_HISTORY).catch(() => []);
    for (const record of history.reverse()) {
      const { id, success, observed, duration, reason, action, target, by } = record;
      if (by === "operator") this.executor.remember({ id, success, observed, duration, reason }, { action, target });
      if (await this.memory.recorded(record)) await this.lessons.observe(record);
    }
    await this.lessons.advise();
  }

  async #found(finding: Finding): Promise<void> {
    const { broker, clock, logger, settings } = this.#options;
    const { failure, target, severity, evidence, secondsLeft, error } = finding;
    // The orchestrator tells the same of what it counts itself.
    if (
      failure === "flapping" &&
      this.memory.book.open().some((one) => one.failure === failure && one.service === target.service)
    )
      return;
    const at = new Date(clock.now()).toISOString();
    const detection: Detection = {
      id: randomUUID(),
      at,
      failure,
      target,
      evidence,
      severity,
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
    };
    logger.warn(
      `${target.service ?? target.node} is ${failure}${severity === "warning" ? " soon" : ""}: ${evidence.join(" ")}`,
    );
    const mode = severity === "warning" ? predictiveMode(settings.AZORA_HEALING_PREDICTIVE, failure) : "on";
    const key = keyOf(finding);
    const treatment: Treatment = {
      case: detection.id,
      finding,
      mode,
      tried: this.#triedLately(key),
      acts: 0,
      losses: this.senses.losses(target.service ?? "") - (finding.lost ?? 0),
      busy: false,
      over: false,
    };
    this.#treatments.set(key, treatment);
    await this.memory.detected(detection, error ?? "");
    void broker.emit("healing.detected", detection);
    void this.#treat(treatment);
  }

  /** What did not help lately, or did not last, is not done again. */
  #triedLately(key: string): Map<string, string> {
    const now = this.#options.clock.now();
    const relapse = Math.max(LEAST_RELAPSE_MS, RELAPSE_MS * this.#options.settings.AZORA_HEALING_TIME_SCALE);
    for (const [known, { at }] of this.#lately) if (now - at > relapse) this.#lately.delete(known);
    const before = this.#lately.get(key);
    const tried = new Map(before?.tried);
    if (before?.helped) tried.set(before.helped, `it came back after ${span(now - before.at)}`);
    return tried;
  }

  #over(finding: Finding): void {
    const key = keyOf(finding);
    const treatment = this.#treatments.get(key);
    if (!treatment) return;
    this.#treatments.delete(key);
    treatment.over = true;
    const now = this.#options.clock.now();
    const helped = treatment.last?.action;
    this.#lately.set(key, { tried: treatment.tried, helped, at: now });
    const lost =
      finding.target.service === undefined ? 0 : this.senses.losses(finding.target.service) - treatment.losses;
    this.memory.book.close(treatment.case, helped ? "healed" : "gone", new Date(now).toISOString(), lost);
    void this.memory.flush();
  }

  async #treat(treatment: Treatment): Promise<void> {
    if (treatment.busy || treatment.over) return;
    treatment.busy = true;
    try {
      for (let i = 0; i < MOST_TRIES && !treatment.over; i++) {
        if (!(await this.#tryNext(treatment))) return;
      }
    } catch (error) {
      // Nobody carries it out now; it is tried again when there may be an answer.
      treatment.last = { action: "asking the orchestrator", until: this.#options.clock.now() + LEAST_SETTLE_MS };
      this.#options.logger.warn(`cannot heal now: ${(error as Error).message}`);
    } finally {
      treatment.busy = false;
    }
  }

  /** One decision and what follows from it. False where nothing more is to be done for now. */
  async #tryNext(treatment: Treatment): Promise<boolean> {
    if (this.link.state === "passive") return false;
    this.#mustAct();
    const { clock, settings, logger } = this.#options;
    const { finding, mode } = treatment;
    const topology = await this.link.topology();
    const situation = this.#situation(treatment, topology);
    const { decision, step } = decide(situation, this.#offered(situation));
    this.memory.book.decided(treatment.case, { ...decision, at: new Date(clock.now()).toISOString(), mode });
    void this.memory.flush();
    if (!step || mode !== "on") {
      if (!step) this.#giveUp(treatment, decision.why);
      return false;
    }
    treatment.acts++;
    const name = finding.target.service ?? finding.target.node ?? "";
    const order: Order = {
      id: `${treatment.case}.${treatment.acts}`,
      action: step.action,
      target: step.target,
      priority: finding.severity === "failure" ? "high" : "medium",
      parameters: step.parameters,
      timeout: this.#action(step, topology).timeout,
      by: "healer",
      reason: step.why,
      about: {
        case: treatment.case,
        failure: finding.failure,
        evidence: finding.evidence,
        decision,
        signature: signatureOf(finding.failure, name, finding.error ?? ""),
        attempt: treatment.acts,
      },
    };
    logger.info(`${step.action} of ${name}: ${decision.why}`);
    try {
      const { success, reason } = await this.executor.execute(order, this.#action(step, topology));
      if (!success) {
        treatment.tried.set(step.action, reason);
        return true;
      }
    } catch (error) {
      treatment.tried.set(step.action, (error as Error).message);
      return true;
    }
    const now = clock.now();
    this.senses.treated(finding.target, now);
    const settle = Math.max(LEAST_SETTLE_MS, SETTLE_MS * settings.AZORA_HEALING_TIME_SCALE);
    treatment.last = { action: step.action, until: now + settle };
    return false;
  }

  #giveUp(treatment: Treatment, why: string): void {
    const { finding } = treatment;
    this.#options.logger.error(
      `${finding.target.service ?? finding.target.node} is ${finding.failure}: ${why}. ${finding.evidence.join(" ")}`,
    );
    if (treatment.tried.size === 0) return;
    this.memory.book.close(treatment.case, "given up", new Date(this.#options.clock.now()).toISOString());
    void this.memory.flush();
  }

  /** Where the ladder's attempt did not help, the service or a plug-in may know something better. */
  async #afterLadder(record: HealingRecord): Promise<void> {
    const caseId = record.case;
    if (!caseId || this.link.state !== "acting" || this.#treatments.has(caseId)) return;
    const { failure, target, evidence = [record.observed.before], reason } = record;
    const finding: Finding = { failure: failure as Failure, target, severity: "failure", evidence, error: reason };
    const treatment: Treatment = {
      case: caseId,
      finding,
      mode: "on",
      tried: new Map(),
      acts: 0,
      losses: 0,
      busy: false,
      over: false,
    };
    const topology = await this.link.topology();
    if (this.#offered(this.#situation(treatment, topology)).length === 0) return;
    this.#treatments.set(caseId, treatment);
    await this.#treat(treatment);
    this.#treatments.delete(caseId);
  }

  #situation({ finding, tried }: Treatment, topology: Topology): Situation {
    const { service, node } = finding.target;
    const others = this.senses.open().filter((one) => keyOf(one) !== keyOf(finding));
    return {
      finding,
      signs: { ...this.senses.signs(finding.target), ...finding.signs },
      topology,
      service: service === undefined ? undefined : serviceOf(topology, service),
      node: node === undefined ? undefined : nodeOf(topology, node),
      tried,
      cooling: (action, target) => this.executor.cooling(action, target),
      others,
      self: this.#self,
    };
  }

  /** What services and plug-ins offer for this failure. */
  #offered({ finding, service }: Situation): Candidate[] {
    return this.#registry
      .for(service)
      .filter(({ origin, failures }) => origin !== "built-in" && failures.includes(finding.failure))
      .map(({ type, origin, cost }) => ({
        action: type,
        target: finding.target,
        parameters: {},
        cost: { time: cost, calls: 0 },
        why: origin === "service" ? "the service offers it for this failure" : "a plug-in offers it for this failure",
        whyNot:
          origin === "service" && service?.instances.every(({ status }) => !RUNS.has(status))
            ? "the service does not run"
            : undefined,
      }));
  }

  #action({ action, target }: Candidate, topology: Topology): HealingAction {
    const service = target.service === undefined ? undefined : serviceOf(topology, target.service);
    return this.#registry.find(action, service, topology);
  }

  #ended({ id, target, by, reason, about }: Order, action: HealingAction, result: HealingResult, since: number): void {
    const { clock, logger } = this.#options;
    const { success, observed, duration } = result;
    const record: HealingRecord = {
      id,
      at: new Date(since).toISOString(),
      target,
      failure: about?.failure ?? "none",
      action: action.type,
      attempt: about?.attempt ?? 1,
      success,
      observed,
      duration,
      reason: success ? `${reason}; ${result.reason}` : result.reason,
      detection: 0,
      by,
      ...(about
        ? { case: about.case, evidence: about.evidence, decision: about.decision, signature: about.signature }
        : {}),
    };
    if (action.journaled) {
      // The orchestrator tells it better; where it is away it tells nothing.
      clock.after(2 * LOOK_EVERY_MS, () => void this.recorded(record));
      return;
    }
    void this.recorded(record);
    this.link
      .record(record)
      .catch((error: Error) => logger.warn(`${id} could not be entered into the journal: ${error.message}`));
  }

  /** Closes cases that nobody is dealing with any longer. */
  async #sweep(now: number): Promise<void> {
    const treated = new Set([...this.#treatments.values()].map((one) => one.case));
    const idle = this.memory.book.open().filter((one) => !treated.has(one.id) && now - lastOf(one) > FORGOTTEN_MS);
    if (idle.length === 0 || this.link.state !== "acting") return;
    const topology = await this.link.topology();
    for (const one of idle) {
      const service = one.service === undefined ? undefined : serviceOf(topology, one.service);
      const node = one.node === undefined ? undefined : nodeOf(topology, one.node);
      const well = service ? ["healthy", "degraded"].includes(service.status) : !node || node.status === "up";
      if (well || !belongsToLadder(one.failure as Failure))
        this.memory.book.close(one.id, "gone", new Date(now).toISOString());
    }
    await this.memory.flush();
  }

  #mustAct(): void {
    const { state, failure } = this.link;
    if (state === "acting") return;
    if (state === "passive") throw new AzoraError("HEALING_REFUSED", "another healer acts; this one only looks on");
    throw new AzoraError("SERVICE_UNAVAILABLE", `the orchestrator does not answer${failure ? `: ${failure}` : " yet"}`);
  }

  readonly #call = (action: string, params: object, options: { timeout: number; nodeID?: string }) =>
    this.#options.broker.call(action, params, options);

  #registryWith(plugins: HealingAction[]): ActionRegistry {
    return new ActionRegistry([...builtInActions((order) => this.link.act(order)), ...plugins], this.#call);
  }
}

const RUNS = new Set(["healthy", "degraded", "unhealthy"]);

function lastOf({ opened, acts }: { opened: string; acts: { at: string; duration: number }[] }): number {
  const last = acts.at(-1);
  return last ? Date.parse(last.at) + last.duration : Date.parse(opened);
}

/** What is cut off while it writes to the chain would be missing there. */
function forced({ action, target, parameters }: Order): string | undefined {
  const cuts = action === "restart" && target.service === "blockchain-logger" && parameters["force"] === true;
  return cuts ? "the chain is restarted only after what it writes has ended; leave force out" : undefined;
}
