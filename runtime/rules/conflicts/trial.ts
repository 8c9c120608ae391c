import type { CompleteRule } from "../../../models/rules.ts";
import { Columns } from "../columns.ts";
import { RuleEvaluator } from "../rule-evaluator.ts";

/** What a tick brought about. */
export interface TrialTick {
  fired: string[];
  ended: string[];
}

/** Rules on values that are made up: the evaluator that they will run on says what comes of it. All are taken for switched on. */
export class Trial {
  readonly rules: ReadonlyMap<string, CompleteRule>;
  readonly #columns = new Columns();
  readonly #known = new Map<string, number | undefined>();
  readonly #evaluator: RuleEvaluator;
  #now = 0;

  constructor(rules: readonly CompleteRule[]) {
    const on = rules.map((rule) => ({ ...rule, enabled: true, mode: "on" as const, expires: null }));
    this.rules = new Map(on.map((rule) => [rule.id, rule]));
    this.#evaluator = new RuleEvaluator({ columns: this.#columns, wall: () => this.#now });
    this.#evaluator.load(on, this.#now);
  }

  /** @param now ms, later than before */
  tick(values: ReadonlyMap<string, number>, now: number): TrialTick {
    this.#now = now;
    for (const [key, value] of values) {
      const column = this.#columnOf(key);
      if (column !== undefined) this.#columns.set(column, value, now);
    }
    const { fired, ended } = this.#evaluator.tick(now);
    return { fired: fired.map(({ rule }) => rule.id), ended };
  }

  #columnOf(key: string): number | undefined {
    if (!this.#known.has(key)) {
      const dot = key.indexOf(".");
      const system = key.slice(0, dot) as Parameters<Columns["column"]>[0];
      this.#known.set(key, this.#columns.column(system, key.slice(dot + 1)));
    }
    return this.#known.get(key);
  }

  isActive(rule: string): boolean {
    return this.#evaluator.active().includes(rule);
  }
}
