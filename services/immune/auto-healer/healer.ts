import { cpus, totalmem } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { Detection, HealingRecord, HealingRequest, HealingResult } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { LoopWatch } from "../../../runtime/loop-watch.ts";
import { recordDecision } from "../../../runtime/record/decision.ts";
import { actRecord, decidedBy } from "./act-record.ts";
import { builtInActions } from "./actions/built-in.ts";
import { checkRequest } from "./actions/check-request.ts";
import { Executor } from "./actions/executor.ts";
import type { HealingAction, Order } from "./actions/healing-action.ts";
import { loadPlugins } from "./actions/plugins.ts";
import { ActionRegistry } from "./actions/registry.ts";
import { untouchable } from "./decide.ts";
import { limits } from "./detection/limits.ts";
import { Machine } from "./detection/machine.ts";
import type { Report } from "./detection/node-senses.ts";
import { Senses } from "./detection/senses.ts";
import { FORGOTTEN_MS, forgotten, isOver } from "./forgotten.ts";
import { Lessons } from "./lessons.ts";
import type { NotedCase } from "./memory/case-book.ts";
import { CaseMemory } from "./memory/case-memory.ts";
import { type LearningMode, OrchestratorLink } from "./orchestrator-link.ts";
import { belongsToLadder } from "./remedies.ts";
import { serviceOf } from "./topology.ts";
import { Treatments } from "./treatments.ts";

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

const LOOK_EVERY_MS = 1000;
const MOST_HISTORY = 1000;
const SUPERVISED = "it goes with another service that was restarted";
/** An event may get lost; what it told is looked up so far back, once a minute. */
const SOME_HISTORY = 50;

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
  readonly #treatments: Treatments;
  readonly #cancels = new Set<() => void>();
  #timer: (() => void) | undefined;
  #swept = 0;
  #storing = false;
  #remarking = false;
  #stopped = false;

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
    this.executor = new Executor({
      clock,
      scale,
      deciding: (order) => recordDecision(broker, decidedBy(order)),
      ended: (...ended) => this.#ended(...ended),
    });
    this.#registry = this.#registryWith([]);
    this.#treatments = new Treatments({
      broker,
      clock,
      logger: options.logger,
      link: this.link,
      memory: this.memory,
      senses: this.senses,
      executor: this.executor,
      registry: () => this.#registry,
      self: this.#self,
      scale,
      predictive: settings.AZORA_HEALING_PREDICTIVE,
    });
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
    this.#stopped = true;
    this.#timer?.();
    for (const cancel of this.#cancels) cancel();
    this.loop.stop();
    await this.memory.flush();
    await this.lessons.save().catch(() => {});
  }

  /** @throws AzoraError of the check, of the executor, or HEALING_REFUSED */
  async execute(
    request: Omit<HealingRequest, "timeout"> & { timeout?: number },
    supervised = false,
  ): Promise<HealingResult> {
    this.link.mustAct();
    const topology = await this.link.topology();
    const { order, action } = checkRequest(request, topology, this.#registry);
    const refused =
      untouchable(topology, order.target, order.action, this.#self) ??
      forced(order) ??
      ownEnd(order, topology, this.#self);
    if (refused) throw new AzoraError("HEALING_REFUSED", refused, { action: order.action, target: order.target });
    return this.executor.execute(supervised ? { ...order, supervised, reason: SUPERVISED } : order, action);
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
    this.lessons.learn(record);
    await this.lessons.advise();
    if (!record.success && record.by === "ladder" && record.action !== "quarantine")
      await this.#treatments.afterLadder(record);
  }

  nodeGone(node: string): void {
    this.senses.gone(node);
  }

  get #self() {
    return { service: this.#options.name, node: this.#options.broker.nodeID };
  }

  #next(wait = LOOK_EVERY_MS): void {
    this.#timer = this.#options.clock.after(wait, () => {
      this.#look()
        .catch((error: Error) => this.#options.logger.error("a look at the organism failed", error))
        .finally(() => this.#stopped || this.#next());
    });
  }

  async #look(): Promise<void> {
    if (await this.link.keep()) await this.#signedOn();
    const now = this.#options.clock.now();
    const { begun, ended, remark } = this.senses.look(now, this.loop.isLate());
    if (remark) {
      if (!this.#remarking) this.#options.logger.info(remark);
      this.remark = { at: new Date(now).toISOString(), text: remark };
    }
    this.#remarking = remark !== "";
    for (const finding of ended) this.#treatments.over(finding);
    for (const finding of begun) await this.#treatments.found(finding);
    this.#treatments.goOn(now);
    if (this.memory.failure !== undefined && !this.#storing) {
      // The disk may have room again, and nothing else may happen for long.
      this.#storing = true;
      void this.memory.flush().finally(() => {
        this.#storing = false;
      });
    }
    if (Math.abs(now - this.#swept) >= FORGOTTEN_MS / 2) {
      this.#swept = now;
      if (this.link.state === "acting") await this.#catchUp(SOME_HISTORY);
      await this.#sweep(now);
    }
  }

  async #signedOn(): Promise<void> {
    this.#options.logger.info(`signed on with epoch ${this.link.epoch}`);
    await this.#catchUp(MOST_HISTORY);
  }

  /** Takes in what was done without this healer hearing of it, oldest first, and says again what it has learnt. */
  async #catchUp(newest: number): Promise<void> {
    const history = await this.link.history(newest).catch(() => []);
    for (const record of history.reverse()) {
      const { id, success, observed, duration, reason, action, target, by } = record;
      if (by === "operator") this.executor.remember({ id, success, observed, duration, reason }, { action, target });
      if (await this.memory.recorded(record)) this.lessons.learn(record);
    }
    // An orchestrator that was started anew has forgotten it.
    await this.lessons.advise();
  }

  #ended(order: Order, action: HealingAction, result: HealingResult, since: number): void {
    const { clock, logger } = this.#options;
    const record = actRecord(order, result, since);
    if (action.journaled) {
      // The orchestrator tells it better; where it is away it tells nothing.
      const cancel = clock.after(2 * LOOK_EVERY_MS, () => {
        this.#cancels.delete(cancel);
        void this.recorded(record);
      });
      this.#cancels.add(cancel);
      return;
    }
    void this.recorded(record);
    this.link
      .record(record)
      .catch((error: Error) => logger.warn(`${order.id} could not be entered into the journal: ${error.message}`));
  }

  /** Closes cases that nobody is dealing with any longer. */
  async #sweep(now: number): Promise<void> {
    const idle = forgotten(this.memory.book.open(), this.#treatments.cases(), now);
    if (idle.length === 0 || this.link.state !== "acting") return;
    const topology = await this.link.topology();
    for (const one of idle)
      if (isOver(one, topology)) this.memory.book.close(one.id, "gone", new Date(now).toISOString());
    await this.memory.flush();
  }

  readonly #call = (action: string, params: object, options: { timeout: number; nodeID?: string }) =>
    this.#options.broker.call(action, params, options);

  #registryWith(plugins: HealingAction[]): ActionRegistry {
    return new ActionRegistry([...builtInActions((order) => this.link.act(order)), ...plugins], this.#call);
  }
}

/** A heap limit is given at the start of a process, so the nodes of the service are restarted. */
function ownEnd({ target, parameters }: Order, topology: Topology, { node }: { node: string }): string | undefined {
  if (parameters["memoryLimitMB"] === undefined || target.service === undefined) return undefined;
  const isHere = serviceOf(topology, target.service)?.instances.some((one) => one.node === node);
  const isMeant = target.node === undefined || target.node === node;
  return isHere && isMeant
    ? `${target.service} shares ${node} with the healer, which would not see how the restart of that node ends`
    : undefined;
}

/** What is cut off while it writes to the chain would be missing there. */
function forced({ action, target, parameters }: Order): string | undefined {
  const cuts = action === "restart" && target.service === "blockchain-logger" && parameters["force"] === true;
  return cuts ? "the chain is restarted only after what it writes has ended; leave force out" : undefined;
}
