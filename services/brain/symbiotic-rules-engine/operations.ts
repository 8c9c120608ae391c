import { randomUUID } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { Silence } from "../../../models/alerts.ts";
import type { HarmonyExplanation, OrganismState, Stretch } from "../../../models/organism-state.ts";
import type { ReplayReport, RuleConflict } from "../../../models/replay-report.ts";
import type { ExecutionResult, RuleWhy } from "../../../models/rule-results.ts";
import type { RuleVersion } from "../../../models/rule-version.model.ts";
import type { PlacedFault, RuleView } from "../../../models/rule-view.ts";
import type { CompleteRule, RuleFault } from "../../../models/rules.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { hasRecorder, recorderOf } from "../../../runtime/record/recorder-of.ts";
import { columnsReadBy } from "../../../runtime/rules/conflicts/rule-facts.ts";
import type { KnownConflicts } from "./conflicts/conflict-watch.ts";
import type { Engine } from "./engine.ts";
import type { RuleChange } from "./rule-store/rule-library.ts";

export interface AskedStretch {
  /** ms since the epoch, or ISO 8601. @default as far back as there is */
  from?: number | string | undefined;
  /** @default now */
  to?: number | string | undefined;
  step: number | string;
  /** As `brain.load`. @default all */
  columns?: string[] | undefined;
}

export interface RuleCheck {
  faults: RuleFault[];
  /** What is no fault, and most likely not meant so. */
  warnings: RuleFault[];
  conflicts: RuleConflict[];
  /** Whether each pair of rules was looked at. */
  complete: boolean;
}

/** What one reader takes in; the rest is there when these are mended. */
const MOST_FAULTS = 1000;
/** A rule that is stored already does not wait longer for what it fights, ms. */
const CONFLICTS_MS = 15_000;

/** What is asked of the engine from outside. */
export class Operations {
  readonly #engine: Engine;
  readonly #broker: ServiceBroker;
  /** ms since the epoch. */
  readonly #wall: () => number;
  readonly #now: () => number;

  constructor(engine: Engine, broker: ServiceBroker, { wall, now }: { wall(): number; now(): number }) {
    this.#engine = engine;
    this.#broker = broker;
    this.#wall = wall;
    this.#now = now;
  }

  state(): OrganismState {
    const { explanation: _why, ...state } = this.#engine.judged;
    return state;
  }

  explanation(): HarmonyExplanation {
    return this.#engine.judged.explanation;
  }

  /** @throws AzoraError VALIDATION_ERROR */
  stretch({ from, to, step, columns }: AskedStretch): Promise<Stretch> {
    const end = to === undefined ? this.#wall() : moment("to", to);
    const begin = from === undefined ? 0 : moment("from", from);
    if (begin > end) {
      const problem = {
        field: "from",
        value: from,
        allowed: `a moment before to, which is ${new Date(end).toISOString()}`,
      };
      throw new AzoraError("VALIDATION_ERROR", `from is ${from}, but must be ${problem.allowed}`, {
        errors: [problem],
      });
    }
    const asked = { from: begin, to: end, step: Number(step) as 1000 | 60_000 };
    return this.#engine.history.read({ ...asked, ...(columns ? { columns } : {}) });
  }

  ruleViews(): RuleView[] {
    const { desk, evaluator, lastFired } = this.#engine;
    const active = new Set(evaluator.active());
    return desk.views((id) => ({ active: active.has(id), lastFired: lastFired.get(id) ?? null }));
  }

  ruleFaults(): PlacedFault[] {
    return this.#engine.desk.faults.slice(0, MOST_FAULTS);
  }

  conflicts(): KnownConflicts {
    return this.#engine.conflicts.known;
  }

  async rule(id: string): Promise<RuleView & { versions: RuleVersion[] }> {
    const { desk } = this.#engine;
    desk.get(id);
    const view = this.ruleViews().find((one) => one.id === id)!;
    return { ...view, versions: await desk.versions(id) };
  }

  why(id: string): RuleWhy {
    const { desk, evaluator, isJudging } = this.#engine;
    if (isJudging) return this.#warned(evaluator.why(id, this.#now()));
    const { holds: _holds, ...why } = evaluator.evaluate(desk.get(id).rule, this.#now());
    const said = `no rule is judged before the launch is over; now ${why.why}`;
    return this.#warned({ ...why, result: "did not fire", why: said });
  }

  /** A name that is most likely misspelt is why its rule is silent. */
  #warned(why: RuleWhy): RuleWhy {
    const warnings = this.#engine.desk.warnings(why.rule).map(({ detail }) => detail);
    return warnings.length === 0 ? why : { ...why, why: `${why.why} ${warnings.join(" ")}` };
  }

  /** Faults, and conflicts with one another, with the rules that are there, and on what was recorded of the last hour. */
  async check(input: unknown): Promise<RuleCheck> {
    const { desk, trials } = this.#engine;
    const { rules, faults, warnings } = desk.check(input);
    const stretch = await this.#readBy([...rules, ...desk.all()], { step: 1000 });
    const { conflicts, complete } = await trials.run({ rules, ...this.#engine.beside(), stretch, replay: false });
    return { faults, warnings, conflicts, complete };
  }

  /** @throws AzoraError VALIDATION_ERROR with all faults of the candidate rules */
  async replay({ rules: input, ...asked }: AskedStretch & { rules?: unknown }): Promise<ReplayReport> {
    const { desk, trials } = this.#engine;
    const { rules, faults } = input === undefined ? { rules: desk.all(), faults: [] } : desk.check(input);
    if (faults.length > 0) {
      throw new AzoraError("VALIDATION_ERROR", faults.map(({ rule, detail }) => `${rule}: ${detail}`).join("; "), {
        errors: faults.map(({ rule, path, detail }) => ({ field: `${rule}.${path}`, allowed: detail })),
      });
    }
    const stretch = await this.#readBy([...rules, ...desk.all()], asked);
    const { replayed, conflicts } = await trials.run({ rules, ...this.#engine.beside(), stretch, replay: true });
    return { ...replayed!, conflicts };
  }

  /** @returns the rule, and whom it fights; null where that could not be found out, which does not keep the rule away */
  async putRule(rule: unknown, by: string): Promise<RuleView & { conflicts: RuleConflict[] | null }> {
    const { desk, trials } = this.#engine;
    const { rule: put } = await desk.put(rule, by);
    await this.#onRecord("put", by, { rule: put });
    const trial = trials.run({ rules: [put], ...this.#engine.beside(), replay: false }, CONFLICTS_MS);
    const conflicts = await trial.then((outcome) => outcome.conflicts).catch(() => null);
    return { ...this.#view(put.id), conflicts };
  }

  /** Only what the rules read: services may publish more of their own than one answer holds. */
  #readBy(rules: readonly CompleteRule[], asked: AskedStretch): Promise<Stretch> {
    return this.stretch({ ...asked, columns: columnsReadBy(rules) });
  }

  async changeRule(id: string, change: RuleChange, by: string): Promise<RuleView> {
    if (change.enabled === undefined && change.mode === undefined) {
      const problem = { field: "enabled", allowed: "true or false, or mode: shadow or on" };
      throw new AzoraError("VALIDATION_ERROR", `enabled and mode are missing: one of them is needed`, {
        errors: [problem],
      });
    }
    await this.#engine.desk.change(id, change, by);
    await this.#onRecord("changed", by, { id, ...change });
    return this.#view(id);
  }

  async restoreRule(id: string, version: number, by: string): Promise<RuleView> {
    const { rule } = await this.#engine.desk.restore(id, version, by);
    await this.#onRecord("restored", by, { version, rule });
    return this.#view(id);
  }

  /** `remains`: the rule as it stands in a file, or is built in, of which only what was changed is removed. */
  async removeRule(id: string, by: string): Promise<{ removed: string; remains: RuleView | null }> {
    const remains = await this.#engine.desk.remove(id, by);
    await this.#onRecord("removed", by, { id });
    return { removed: id, remains: remains ? this.#view(id) : null };
  }

  /** Looks whether a rule holds now, whatever its cooldown, and acts if it does. */
  async execute(given: object | string, wait: boolean): Promise<ExecutionResult> {
    const { desk, evaluator, executions, actor, lastFired } = this.#engine;
    const rule = desk.complete(given);
    const { holds, ...why } = evaluator.evaluate(rule, this.#now());
    if (holds === "true" && why.result === "would fire") {
      const result = rule.mode === "shadow" ? "would fire" : "fired";
      if (typeof given === "string") lastFired.set(rule.id, why.at);
      return actor.act(rule, { ...why, result }, { by: "operator", wait });
    }
    const result = { id: randomUUID(), rule: rule.id, at: why.at, mode: rule.mode, why, actions: [] };
    await executions.keep(result);
    return result;
  }

  silence(asked: { matchers: Record<string, string>; duration: number; comment?: string }, by: string): Silence {
    const { matchers, duration, comment = "" } = asked;
    return this.#engine.alerting.manager.silence({ matchers, until: this.#wall() + duration, by, comment });
  }

  health(): { status: "healthy" | "degraded"; checks: Record<string, unknown> } {
    const { parts, judged, isJudging, kept, times, executions, desk, evaluator } = this.#engine;
    const { senses, alerting, history, conflicts } = this.#engine;
    const { failures } = parts;
    const stored = kept.failure ?? executions.failure ?? times.failure;
    const faults = desk.faults;
    const { rules, active } = evaluator.stats();
    const checks = {
      orchestrator: failures["orchestrator"] ?? "ok",
      rules:
        failures["rules"] ??
        (isJudging
          ? `${rules} rules, ${active} active`
          : `waits for the launch${senses.roster.launched ? " to settle" : ""}`),
      faults:
        faults.length === 0
          ? "none"
          : `${faults.length}: ${[...new Set(faults.map((one) => one.file ?? one.rule))].slice(0, 5).join(", ")}`,
      conflicts: conflicts.known.conflicts.length === 0 ? "none" : `${conflicts.known.conflicts.length}`,
      harmony: `${Math.round(judged.harmony.score)}, of which ${Math.round(judged.harmony.confidence * 100)} % is known`,
      vitals: absurd(senses.model.faults()),
      actions: failures["actions"] ?? "ok",
      store: stored ?? "ok",
      history: failures["history"] ?? history.stats(),
      alerts: failures["alerts"] ?? alerting.manager.counts(),
      alertFiles: failures["alert files"] ?? (alerting.definitions.faulty.slice(0, 5).join(", ") || "ok"),
    };
    const wrong = Object.keys(failures).length > 0 || stored !== undefined;
    return { status: wrong ? "degraded" : "healthy", checks };
  }

  #view(id: string): RuleView {
    return this.ruleViews().find((one) => one.id === id)!;
  }

  /** What has been changed is changed: that it is not on record does not make it undone. */
  async #onRecord(what: string, by: string, data: Record<string, unknown>): Promise<void> {
    if (!hasRecorder(this.#broker)) return;
    const recorder = recorderOf(this.#broker);
    await recorder
      .durable(`rule.${what}`, { by, ...data }, { service: "symbiotic-rules-engine" })
      .catch((error: Error) =>
        this.#broker.logger.error(`a rule was ${what}, which is not on record: ${error.message}`),
      );
  }
}

/** A time says its zone. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/;

function moment(field: string, value: number | string): number {
  const at = typeof value === "number" ? value : ISO_8601.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isFinite(at)) return at;
  const problem = { field, value, allowed: "ms since the epoch, or a moment as 2027-01-31T12:00:00Z" };
  throw new AzoraError("VALIDATION_ERROR", `${field} is "${value}", but must be ${problem.allowed}`, {
    errors: [problem],
  });
}

function absurd(faults: { node: string; what: string; count: number }[]): string {
  if (faults.length === 0) return "ok";
  const [worst] = faults.toSorted((one, other) => other.count - one.count);
  return `${faults.length} kinds of absurd values, most of ${worst!.node}: ${worst!.what} (${worst!.count} times)`;
}
