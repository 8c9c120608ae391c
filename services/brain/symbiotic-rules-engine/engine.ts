import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { CompleteRule, RuleFault } from "../../../models/rules.ts";
import { type Clock, monotonicClock } from "../../../runtime/clock.ts";
import { Columns } from "../../../runtime/rules/columns.ts";
import { type Firing, RuleEvaluator } from "../../../runtime/rules/rule-evaluator.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { brokerPorts } from "./actions/ports.ts";
import { RuleActor } from "./actions/rule-actor.ts";
import { Alerting } from "./alerts/alerting.ts";
import type { Situation } from "./alerts/situation.ts";
import { ConflictWatch } from "./conflicts/conflict-watch.ts";
import { FlapBudget } from "./conflicts/flap-budget.ts";
import { Executions } from "./executions.ts";
import { harmonyUpdate } from "./harmony-update.ts";
import { History } from "./history/history.ts";
import { KeptState } from "./kept-state.ts";
import { KeptTimes } from "./kept-times.ts";
import type { OrganismTick } from "./model/organism-model.ts";
import { Parts } from "./parts.ts";
import { Rounds } from "./rounds.ts";
import { RuleDesk } from "./rule-desk.ts";
import { RuleRecord } from "./rule-record.ts";
import { FaultNews } from "./rule-store/fault-news.ts";
import type { RuleFolder } from "./rule-store/rule-files.ts";
import { Senses } from "./senses.ts";
import { residencesOf } from "./trials/residences.ts";
import { Trials } from "./trials/trials.ts";
import type { Trial } from "./trials/tried.ts";

export interface EngineOptions {
  broker: ServiceBroker;
  logger: ServiceBroker["logger"];
  store: StoreMethods;
  folders: readonly RuleFolder[];
  /** The project's folder of files that say what is an alert. @default none */
  alertFolder?: string;
  /** Folder for what is not in the store. */
  dataDir: string;
  /** Monotonic. @default performance.now */
  clock?: Clock;
  /** ms since the epoch. @default Date.now */
  wall?: () => number;
  /** ms since the machine was started. @default os.uptime */
  uptime?: () => number;
}

/** How soon after a report it is judged, ms: reports of several nodes are judged together. */
const JUDGE_MS = 250;
/** Rules that fire at one time; the others are put off to the next time. Each may have to write to disk before it acts. */
const FIRINGS_PER_JUDGEMENT = 50;
const SECOND_MS = 1000;
const LOOK_MS = 5000;
/** What a launch leaves behind is not what rules are for, ms. An engine that was killed meanwhile waits for no launch. */
const SETTLING_MS = 5000;

/** Measures, judges and acts, second by second. */
export class Engine {
  readonly senses: Senses;
  readonly evaluator: RuleEvaluator;
  readonly desk: RuleDesk;
  readonly actor: RuleActor;
  readonly alerting: Alerting;
  readonly history: History;
  readonly executions: Executions;
  readonly record: RuleRecord;
  readonly kept: KeptState;
  readonly times: KeptTimes;
  readonly parts: Parts;
  readonly trials: Trials;
  readonly conflicts: ConflictWatch;
  /** When rules last fired, by themselves or by hand, ISO 8601. */
  readonly lastFired = new Map<string, string>();
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #columns = new Columns();
  readonly #rounds: Rounds;
  readonly #faultNews = new FaultNews();
  #rules: CompleteRule[] = [];
  #judged: OrganismTick | undefined;
  #isJudging = false;

  constructor(options: EngineOptions) {
    const { broker, logger, store, folders, dataDir, clock = monotonicClock, wall = Date.now } = options;
    this.#options = options;
    this.#clock = clock;
    this.#wall = wall;
    this.parts = new Parts(() => clock.now(), logger);
    this.trials = new Trials({ clock });
    this.conflicts = new ConflictWatch({
      clock,
      rules: () => ({ rules: this.desk.own(), ...this.beside() }),
      run: (trial) => this.trials.run(trial),
      tell: (line) => logger.warn(line),
    });
    this.executions = new Executions(store);
    this.record = new RuleRecord(broker, clock);
    this.history = new History({ folder: join(dataDir, "organism", "history"), clock });
    this.#rounds = new Rounds(clock, this.parts);
    this.senses = new Senses({ broker, columns: this.#columns, clock, wall, parts: this.parts });
    this.evaluator = new RuleEvaluator({ columns: this.#columns, wall, mostFirings: FIRINGS_PER_JUDGEMENT });
    this.alerting = new Alerting({
      settings: readSettings(),
      logger,
      ...(options.alertFolder === undefined ? {} : { folder: options.alertFolder }),
      own: () => this.ownMetrics,
      changed: (change) => void broker.broadcast("organism.alert", change),
    });
    this.actor = new RuleActor({
      ports: brokerPorts(broker, { topology: () => this.senses.topology, alerts: this.alerting.manager.raised }),
      columns: this.#columns,
      clock,
      logger,
      wall,
      flaps: new FlapBudget(),
      announce: (rule, why, by) => this.record.fired(rule, why, by),
      isActive: (rule) => this.evaluator.active().includes(rule),
      keep: (result) => {
        this.record.done(result);
        return this.executions.keep(result);
      },
      remember: async () => {
        await this.kept.keep();
        if (this.kept.failure !== undefined) throw new Error(this.kept.failure);
      },
    });
    this.kept = new KeptState(store, {
      rules: {
        snapshot: () => this.evaluator.snapshot(clock.now()),
        restore: (state) => this.evaluator.restore(state, clock.now()),
      },
      actions: this.actor,
    });
    this.times = new KeptTimes({
      path: join(dataDir, "organism", "rule-times.json"),
      evaluator: this.evaluator,
      epoch: () => this.senses.epoch,
      clock,
      wall,
      uptime: options.uptime,
    });
    this.desk = new RuleDesk({
      store,
      folders,
      wall,
      targets: () => this.senses.roster.targets(),
      own: () => this.ownMetrics,
      changed: (rules, faults) => this.#load(rules, faults),
    });
  }

  async start(): Promise<void> {
    const { logger } = this.#options;
    await this.history.open();
    await this.alerting.open();
    for (const problem of await this.kept.restore()) logger.warn(problem);
    await this.times.open();
    await this.desk.open();
    await this.executions.open().catch((error) => this.parts.failed("executions", error));
    await this.senses.look();
    void this.#recallFirings();
    this.#rounds.every(JUDGE_MS, "judging", () => this.#judge());
    this.#rounds.every(SECOND_MS, "each second", () => this.#second());
    this.#rounds.every(LOOK_MS, "looking around", () => this.#lookAround());
  }

  async stop(): Promise<void> {
    this.#rounds.stop();
    this.conflicts.stop();
    await Promise.all([this.actor.stop(), this.trials.stop()]);
    await this.kept.keep();
    await Promise.all([this.times.close(), this.alerting.stop(), this.history.close()]);
  }

  /** What the organism is by the newest reports. */
  get judged(): OrganismTick {
    this.#judged ??= this.senses.model.tick();
    return this.#judged;
  }

  /** What services publish of themselves, as `heart.user-management.signups`; not what rules alone ask for. */
  get ownMetrics(): string[] {
    const columns = this.#columns;
    return columns.keys.filter((key, column) => isOwnMetric(key) && columns.age(column, 0) !== null);
  }

  /** What rules are tried beside. */
  beside(): Pick<Trial, "others" | "residences"> {
    const { topology } = this.senses;
    return { others: this.desk.all(), ...(topology ? { residences: residencesOf(topology) } : {}) };
  }

  get situation(): Situation {
    const activeRules = this.#isJudging ? new Set(this.evaluator.active()) : null;
    return { ...this.senses.situations.situation(this.judged, this.#clock.now()), activeRules };
  }

  /** Rules are judged from some seconds after the launch on; at once where the engine before judged them already. */
  get isJudging(): boolean {
    return this.#isJudging;
  }

  #judge(): void {
    const { senses } = this;
    if (!senses.hasNews) return;
    senses.hasNews = false;
    const now = this.#clock.now();
    this.#judged = this.parts.run("model", () => senses.model.tick()) ?? this.#judged;
    if (!this.#isJudging && this.#isSettled(now)) this.#begin();
    const turned = this.parts.run("rules", () => this.evaluator.tick(now));
    for (const rule of turned?.ended ?? []) {
      this.actor.ended(rule);
      this.alerting.manager.raised.clearRule(rule);
    }
    const firings = [...(turned?.fired ?? []), ...(turned?.shadow ?? [])];
    for (const firing of firings) void this.#fire(firing);
    if (firings.length > 0) void this.times.keep();
    // Which rules are active is not known before they are judged.
    const active = this.#isJudging ? this.evaluator.active() : undefined;
    this.parts.run("actions", () => this.actor.tick(now, active));
  }

  #isSettled(now: number): boolean {
    const { launchedAt } = this.senses;
    return launchedAt !== undefined && (now - launchedAt >= SETTLING_MS || this.times.wereJudged);
  }

  #begin(): void {
    this.#isJudging = true;
    this.#load(this.#rules, this.desk.faults);
    const said = this.times.takeUp();
    if (said) this.#options.logger.info(said);
  }

  /** Never rejects: what could not be done is said in the result. */
  async #fire({ rule, why }: Firing): Promise<void> {
    this.lastFired.set(rule.id, why.at);
    await this.actor.act(rule, why);
  }

  /** When rules fired before this engine was started. Nothing waits for it. */
  async #recallFirings(): Promise<void> {
    const firings = await this.executions.lastFirings().catch((error) => this.parts.failed("executions", error));
    const ids = new Set(this.#rules.map(({ id }) => id));
    for (const [rule, at] of firings ?? [])
      if (ids.has(rule) && !this.lastFired.has(rule)) this.lastFired.set(rule, at);
  }

  /** What does not have to be at once. */
  #second(): void {
    // Values grow old without anybody saying so.
    this.senses.hasNews = true;
    const { judged } = this;
    this.parts.run("alerts", () => this.alerting.tick(this.situation));
    void this.times.keep();
    this.parts.run("history", () => this.history.add(this.#wall(), this.#columns));
    this.parts.run("telling", () => {
      void this.#options.broker.broadcast("organism.harmony", harmonyUpdate(judged, this.evaluator.active()));
    });
  }

  /** Until rules are judged there are none: nothing that the launch does makes one hold. */
  #load(rules: CompleteRule[], faults: readonly RuleFault[]): void {
    this.#rules = rules;
    for (const line of this.#faultNews.lines(faults)) this.#options.logger.warn(line);
    if (this.#isJudging) {
      this.evaluator.load(rules, this.#clock.now(), faults);
      this.conflicts.loaded();
    }
    const ids = new Set(rules.map(({ id }) => id));
    for (const id of this.lastFired.keys()) if (!ids.has(id)) this.lastFired.delete(id);
  }

  async #lookAround(): Promise<void> {
    await this.senses.look();
    await this.senses.lookAtChain();
    await this.desk.look().catch((error) => this.parts.failed("rule files", error));
    await this.alerting.look().catch((error) => this.parts.failed("alert files", error));
    await Promise.all([this.kept.keep(), this.executions.again()]);
  }
}

/** As `heart.user-management.signups`; what Azora measures itself has no second dot. */
function isOwnMetric(key: string): boolean {
  return key.indexOf(".") < key.lastIndexOf(".");
}
