import type { HarmonyExplanation, OrganismState } from "../models/organism-state.ts";
import type { ReplayReport, RuleConflict } from "../models/replay-report.ts";
import type { ExecutionResult, RuleWhy } from "../models/rule-results.ts";
import type { RuleView } from "../models/rule-view.ts";
import type { SymbioticRule } from "../models/rules.ts";
import { type LinkOptions, OrganismError, OrganismLink } from "./organism-link.ts";

export type SymbioticRulesEngineOptions = LinkOptions;
export type { ExecutionResult, HarmonyExplanation, OrganismState, ReplayReport, RuleView, RuleWhy, SymbioticRule };

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class SymbioticRulesEngineError extends OrganismError {}

export interface ExecuteRuleOptions {
  /**
   * Answers when each action's effect has been watched and has its verdict, not already when the actions are done.
   * @default false
   */
  wait?: boolean;
}

export interface ReplayOptions {
  /** Candidates. @default those that the engine has */
  rules?: readonly SymbioticRule[];
  /** ms since the epoch, or a date. @default as far back as there are records */
  from?: number | Date;
  /** @default now */
  to?: number | Date;
  /** ms between two rows: the last hour is kept each second, the last day each minute. @default 1000 */
  step?: 1000 | 60_000;
}

const SERVICE = "symbiotic-rules-engine";
const MOUNT = "/api/organism";
const CHANGE_MS = 30_000;
const REPLAY_MS = 60_000;
/** Effects are watched for a while before they are judged. */
const EXECUTE_MS = 3 * 60_000;
const MOST_EXECUTIONS = 1000;
const LONGEST_ID = 100;
const STEPS = [1000, 60_000];

/** The organism's seven systems, their harmony, and the rules that keep it, from another program. */
export class AzoraSymbioticRulesEngine {
  readonly #link: OrganismLink;

  constructor(options: SymbioticRulesEngineOptions = {}) {
    this.#link = new OrganismLink(SERVICE, options, SymbioticRulesEngineError);
  }

  /**
   * Finds the organism.
   * @throws SymbioticRulesEngineError SERVICE_UNAVAILABLE where it does not answer
   */
  initialize(): Promise<void> {
    return this.#link.find();
  }

  /** Each system's metrics with their age, the flows between systems, and harmony. What is not known is `null`, never 0. */
  getOrganismState(): Promise<OrganismState> {
    return this.#link.ask({ action: `${SERVICE}.state`, path: `${MOUNT}/state` });
  }

  /** 0 to 100. How sure it is, and of what it is made, `explainHarmony` says. */
  async calculateHarmonyScore(): Promise<number> {
    const { score } = await this.#link.ask<{ score: number }>({
      action: `${SERVICE}.harmony`,
      path: `${MOUNT}/harmony`,
    });
    return score;
  }

  /** What costs how many points, the greatest first (they add up to 100 minus the score), and what would give most back. */
  explainHarmony(): Promise<HarmonyExplanation> {
    return this.#link.ask({ action: `${SERVICE}.explain`, path: `${MOUNT}/harmony/explain` });
  }

  /**
   * Looks at the rule's conditions once, and carries out its actions where they hold. A rule object need not be known to the
   * engine and is not kept.
   * @param rule a rule, or the id of a known one
   * @throws SymbioticRulesEngineError VALIDATION_ERROR with all faults of the rule, NOT_FOUND, UNAUTHORIZED
   */
  async executeRule(rule: SymbioticRule | string, options: ExecuteRuleOptions = {}): Promise<ExecutionResult> {
    if (typeof rule === "string") checkId(rule);
    else checkRule(rule);
    const { wait = false } = options;
    if (typeof wait !== "boolean") throw invalid("wait", wait, "true or false");
    return this.#post("execute", "/rules/execute", { rule, wait }, EXECUTE_MS);
  }

  /** What was executed, newest first, each with what was observed afterwards. @param limit 1 to 1000 */
  async getExecutions(limit = 100): Promise<ExecutionResult[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_EXECUTIONS)
      throw invalid("limit", limit, `a whole number from 1 to ${MOST_EXECUTIONS}`);
    const path = `${MOUNT}/executions?limit=${limit}`;
    return this.#link.ask({ action: `${SERVICE}.executions`, params: { limit }, path });
  }

  /** All rules, with where they come from, and whether they are active. */
  getRules(): Promise<RuleView[]> {
    return this.#link.ask({ action: `${SERVICE}.rules`, path: `${MOUNT}/rules` });
  }

  /**
   * Adds a rule, or puts it in the place of the one with its id. It is kept, also over restarts. What it would fight with is
   * told, but is no error.
   * @throws SymbioticRulesEngineError VALIDATION_ERROR with all faults of the rule, CONFLICT, UNAUTHORIZED
   */
  async addRule(rule: SymbioticRule): Promise<RuleView & { conflicts: RuleConflict[] | null }> {
    checkRule(rule);
    return this.#post("putRule", "/rules", { rule });
  }

  /** @throws SymbioticRulesEngineError NOT_FOUND, CONFLICT where it stands in a file, UNAUTHORIZED */
  async removeRule(id: string): Promise<void> {
    checkId(id);
    await this.#link.ask({
      action: `${SERVICE}.removeRule`,
      params: { id },
      method: "POST",
      path: `${MOUNT}/rules/${encodeURIComponent(id)}/remove`,
      body: {},
      timeout: CHANGE_MS,
    });
  }

  /** Why a rule has fired or has not: each condition with the values that it read, and how old they were. */
  async whyRule(id: string): Promise<RuleWhy> {
    checkId(id);
    const path = `${MOUNT}/rules/${encodeURIComponent(id)}/why`;
    return this.#link.ask({ action: `${SERVICE}.why`, params: { id }, path });
  }

  /** What rules would have done in a stretch of the past. Nothing is carried out. */
  async replay(options: ReplayOptions = {}): Promise<ReplayReport> {
    const { rules, from, to, step } = options;
    if (rules !== undefined && !Array.isArray(rules)) throw invalid("rules", rules, "a list of rules");
    if (step !== undefined && !STEPS.includes(step)) throw invalid("step", step, `${STEPS.join(" or ")} (ms)`);
    const stretch = {
      ...(rules === undefined ? {} : { rules }),
      ...(from === undefined ? {} : { from: moment("from", from) }),
      ...(to === undefined ? {} : { to: moment("to", to) }),
      ...(step === undefined ? {} : { step }),
    };
    return this.#post("replay", "/rules/replay", stretch, REPLAY_MS);
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  async shutdown(): Promise<void> {
    this.#link.end();
  }

  #post<T>(action: string, path: string, body: object, timeout = CHANGE_MS): Promise<T> {
    return this.#link.ask({
      action: `${SERVICE}.${action}`,
      params: body,
      method: "POST",
      path: MOUNT + path,
      body,
      timeout,
    });
  }
}

/** What it says is looked at by the engine, which knows the systems and the metrics. */
function checkRule(rule: unknown): void {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule))
    throw invalid("rule", rule, "a rule {id, conditions, actions}");
}

function checkId(id: unknown): void {
  if (typeof id !== "string" || id === "" || id.length > LONGEST_ID)
    throw invalid("id", id, `the id of a rule, 1 to ${LONGEST_ID} characters`);
}

function moment(field: string, value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 0)
    throw invalid(field, value, "a date, or ms since the epoch");
  return ms;
}

function invalid(field: string, value: unknown, allowed: string): SymbioticRulesEngineError {
  const shown = JSON.stringify(value)?.slice(0, 100) ?? String(value);
  const message = `${field} is ${shown}, but must be ${allowed}`;
  return new SymbioticRulesEngineError("VALIDATION_ERROR", message, 422, [{ field, value, allowed }]);
}
