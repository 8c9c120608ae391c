import { randomUUID } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { Detection, Failure, HealingRecord } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { signatureOf } from "../../../runtime/healing/signature.ts";
import type { Executor } from "./actions/executor.ts";
import type { HealingAction, Order } from "./actions/healing-action.ts";
import type { ActionRegistry } from "./actions/registry.ts";
import { decide } from "./decide.ts";
import { type Finding, keyOf } from "./detection/finding.ts";
import type { Senses } from "./detection/senses.ts";
import type { CaseMemory } from "./memory/case-memory.ts";
import { offers } from "./offers.ts";
import type { OrchestratorLink } from "./orchestrator-link.ts";
import { type PredictiveMode, predictiveMode } from "./predictive.ts";
import { Relapses } from "./relapses.ts";
import type { Candidate, Situation } from "./situation.ts";
import { nodeOf, serviceOf } from "./topology.ts";

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
  /** What was done last, and until when it may show; `asked`: nobody carried it out. */
  last?: { action: string; until: number; asked?: boolean } | undefined;
  busy: boolean;
  over: boolean;
  /** It breaks so late that it may as well end by itself. */
  early?: boolean;
}

export interface TreatmentTools {
  broker: ServiceBroker;
  clock: Clock;
  logger: ServiceBroker["logger"];
  link: OrchestratorLink;
  memory: CaseMemory;
  senses: Senses;
  executor: Executor;
  registry: () => ActionRegistry;
  self: Situation["self"];
  /** AZORA_HEALING_TIME_SCALE */
  scale: number;
  /** AZORA_HEALING_PREDICTIVE */
  predictive: string;
}

/** Time that an act is given to show in the calls, ms. */
const SETTLE_MS = 20_000;
const LEAST_SETTLE_MS = 5000;
const MOST_TRIES = 10;
/** What breaks later than this is named, and not healed yet, s. */
const HORIZON_S = 600;

/** Follows what was found from decision to decision, until it is over or nothing is left to be tried. */
export class Treatments {
  readonly #tools: TreatmentTools;
  readonly #open = new Map<string, Treatment>();
  readonly #relapses: Relapses;

  constructor(tools: TreatmentTools) {
    this.#tools = tools;
    this.#relapses = new Relapses(tools.clock, tools.scale);
  }

  /** Ids of the cases that are being dealt with. */
  cases(): Set<string> {
    return new Set([...this.#open.values()].map((one) => one.case));
  }

  /** What was done and has not shown in time did not help. */
  goOn(now: number): void {
    for (const treatment of this.#open.values()) {
      if (treatment.early && !treatment.busy) void this.#treat(treatment);
      if (!treatment.last || treatment.busy || now < treatment.last.until) continue;
      if (!treatment.last.asked) treatment.tried.set(treatment.last.action, "it went on all the same");
      treatment.last = undefined;
      void this.#treat(treatment);
    }
  }

  async found(finding: Finding): Promise<void> {
    const { broker, clock, logger } = this.#tools;
    const { failure, target, severity, evidence, secondsLeft, error } = finding;
    // The orchestrator tells the same of what it counts itself.
    if (
      failure === "flapping" &&
      this.#tools.memory.book.open().some((one) => one.failure === failure && one.service === target.service)
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
    const mode = severity === "warning" ? predictiveMode(this.#tools.predictive, failure) : "on";
    const key = keyOf(finding);
    const treatment: Treatment = {
      case: detection.id,
      finding,
      mode,
      tried: this.#relapses.tried(key),
      acts: 0,
      losses: this.#tools.senses.losses(target.service ?? "") - (finding.lost ?? 0),
      busy: false,
      over: false,
    };
    this.#open.set(key, treatment);
    await this.#tools.memory.detected(detection, error ?? "");
    void broker.emit("healing.detected", detection);
    void this.#treat(treatment);
  }

  over(finding: Finding): void {
    const key = keyOf(finding);
    const treatment = this.#open.get(key);
    if (!treatment) return;
    this.#open.delete(key);
    treatment.over = true;
    const now = this.#tools.clock.now();
    const helped = treatment.last?.asked ? undefined : treatment.last?.action;
    this.#relapses.note(key, treatment.tried, helped);
    const lost =
      finding.target.service === undefined ? 0 : this.#tools.senses.losses(finding.target.service) - treatment.losses;
    this.#tools.memory.book.close(treatment.case, helped ? "healed" : "gone", new Date(now).toISOString(), lost);
    void this.#tools.memory.flush();
  }

  async #treat(treatment: Treatment): Promise<void> {
    if (treatment.busy || treatment.over) return;
    treatment.early = this.#isEarly(treatment);
    if (treatment.early) return;
    treatment.busy = true;
    try {
      for (let i = 0; i < MOST_TRIES && !treatment.over; i++) {
        if (!(await this.#tryNext(treatment))) return;
      }
    } catch (error) {
      // Nobody carries it out now; it is tried again when there may be an answer.
      treatment.last = {
        action: "asking the orchestrator",
        until: this.#tools.clock.now() + LEAST_SETTLE_MS,
        asked: true,
      };
      this.#tools.logger.warn(`cannot heal now: ${(error as Error).message}`);
    } finally {
      treatment.busy = false;
    }
  }

  /** By the newest forecast. Where nothing would be done anyway, the decision is told at once. */
  #isEarly({ finding, mode }: Treatment): boolean {
    if (finding.severity !== "warning" || mode === "off") return false;
    const now = this.#tools.senses.open().find((one) => keyOf(one) === keyOf(finding)) ?? finding;
    return (now.secondsLeft ?? 0) > HORIZON_S;
  }

  /** One decision and what follows from it. False where nothing more is to be done for now. */
  async #tryNext(treatment: Treatment): Promise<boolean> {
    if (this.#tools.link.state === "passive") return false;
    this.#tools.link.mustAct();
    const { clock, logger } = this.#tools;
    const { finding, mode } = treatment;
    const topology = await this.#tools.link.topology();
    const situation = this.#situation(treatment, topology);
    const { decision, step } = decide(situation, offers(situation, this.#tools.registry()));
    this.#tools.memory.book.decided(treatment.case, { ...decision, at: new Date(clock.now()).toISOString(), mode });
    void this.#tools.memory.flush();
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
      const { success, reason } = await this.#tools.executor.execute(order, this.#action(step, topology));
      if (!success) {
        treatment.tried.set(step.action, reason);
        return true;
      }
    } catch (error) {
      treatment.tried.set(step.action, (error as Error).message);
      return true;
    }
    const now = clock.now();
    this.#tools.senses.treated(finding.target, now);
    const settle = Math.max(LEAST_SETTLE_MS, SETTLE_MS * this.#tools.scale);
    treatment.last = { action: step.action, until: now + settle };
    return false;
  }

  #giveUp(treatment: Treatment, why: string): void {
    const { finding } = treatment;
    this.#tools.logger.error(
      `${finding.target.service ?? finding.target.node} is ${finding.failure}: ${why}. ${finding.evidence.join(" ")}`,
    );
    if (treatment.tried.size === 0) return;
    this.#tools.memory.book.close(treatment.case, "given up", new Date(this.#tools.clock.now()).toISOString());
    void this.#tools.memory.flush();
  }

  /** Where the ladder's attempt did not help, the service or a plug-in may know something better. */
  async afterLadder(record: HealingRecord): Promise<void> {
    const caseId = record.case;
    if (!caseId || this.#tools.link.state !== "acting" || this.#open.has(caseId)) return;
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
    const topology = await this.#tools.link.topology();
    if (offers(this.#situation(treatment, topology), this.#tools.registry()).length === 0) return;
    this.#open.set(caseId, treatment);
    await this.#treat(treatment);
    this.#open.delete(caseId);
  }

  #situation({ finding, tried }: Treatment, topology: Topology): Situation {
    const { service, node } = finding.target;
    const others = this.#tools.senses.open().filter((one) => keyOf(one) !== keyOf(finding));
    return {
      finding,
      signs: { ...this.#tools.senses.signs(finding.target), ...finding.signs },
      topology,
      service: service === undefined ? undefined : serviceOf(topology, service),
      node: node === undefined ? undefined : nodeOf(topology, node),
      tried,
      cooling: (action, target) => this.#tools.executor.cooling(action, target),
      others,
      self: this.#tools.self,
    };
  }

  #action({ action, target }: Candidate, topology: Topology): HealingAction {
    const service = target.service === undefined ? undefined : serviceOf(topology, target.service);
    return this.#tools.registry().find(action, service, topology);
  }
}
