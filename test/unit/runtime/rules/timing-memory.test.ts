import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { System } from "../../../../models/metrics.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import { checkRules } from "../../../../runtime/rules/check-rules.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import { RuleEvaluator } from "../../../../runtime/rules/rule-evaluator.ts";
import { naiveFirings, type Row } from "../../../support/naive-rules.ts";
import { rows, rules } from "../../../support/random-rules.ts";

function checked(input: unknown): CompleteRule[] {
  const { rules, faults } = checkRules(input);
  expect(faults).toEqual([]);
  return rules;
}

/** An evaluator in a process of its own, whose monotonic clock begins somewhere. */
class Life {
  readonly columns = new Columns();
  readonly evaluator: RuleEvaluator;
  readonly #zero: number;
  #wall: number;

  constructor(rules: CompleteRule[], wall: number, zero = 0) {
    this.#wall = wall;
    this.#zero = zero;
    // Columns have other numbers in each process.
    for (let i = 0; i < zero % 3; i++) this.columns.column("lungs", `own.m${i}`);
    this.evaluator = new RuleEvaluator({ columns: this.columns, wall: () => this.#wall });
    this.evaluator.load(rules, this.#now);
  }

  tick({ at, values }: Row) {
    this.#wall = at;
    for (const system of ["brain", "heart"] satisfies System[]) {
      for (const metric of ["load", "cpu", "saturation"]) {
        const column = this.columns.column(system, metric)!;
        this.columns.set(column, values[`${system}.${metric}`] ?? Number.NaN, this.#now);
      }
    }
    const { fired, ended } = this.evaluator.tick(this.#now);
    return {
      fired: fired.map(({ rule }) => rule.id),
      ended: ended.sort(),
      active: this.evaluator.active().sort(),
    };
  }

  /** What stands on the disk. */
  get kept() {
    const times = JSON.parse(JSON.stringify(this.evaluator.timings(this.#now)));
    return { at: this.#wall, rules: this.durable, times };
  }

  get durable() {
    return JSON.stringify(this.evaluator.snapshot(this.#now));
  }

  why(id: string) {
    return this.evaluator.why(id, this.#now);
  }

  goOn({ at, rules, times }: { at: number; rules: string; times: unknown }): this {
    this.evaluator.restore(JSON.parse(rules), this.#now);
    this.evaluator.goOn(times, this.#now - (this.#wall - at));
    return this;
  }

  get #now(): number {
    return this.#wall - this.#zero;
  }
}

const load = (value: number | undefined, at: number): Row => ({
  at,
  values: value === undefined ? {} : { "brain.load": value },
});
const one = (more: object): CompleteRule[] =>
  checked([
    {
      id: "one",
      conditions: [{ system: "brain", metric: "load", operator: "greaterThan", value: 85 }],
      actions: [{ type: "alert", target: "organism" }],
      ...more,
    },
  ]);

describe("rules whose process was killed", () => {
  test("fire and end at the same moments as if it had lived and known nothing meanwhile", () => {
    const kills = fc.array(fc.record({ after: fc.nat(29), lost: fc.nat(4), zero: fc.nat(100_000) }), { maxLength: 6 });
    fc.assert(
      fc.property(rules, rows, kills, (input, series, dying) => {
        const list = checked(input);
        // What one sees that lives through it all, and what each life does.
        const seen: Row[] = [];
        const did: unknown[] = [];
        let life = new Life(list, 0);
        let i = 0;
        while (i < series.length) {
          const row = series[i]!;
          seen.push(row);
          did.push(life.tick(row));
          const kill = dying.find(({ after }) => after === i);
          i += 1 + (kill?.lost ?? 0);
          if (!kill || i >= series.length) continue;
          const { kept } = life;
          life = new Life(structuredClone(list), series[i]!.at, kill.zero).goOn(kept);
          seen.push({ at: row.at, values: {} });
          did.push(undefined);
        }
        for (const [n, { fired, ended, active }] of naiveFirings(list, seen).entries()) {
          if (did[n] !== undefined) expect({ n, ...did[n] }).toEqual({ n, fired, ended, active });
        }
      }),
      { numRuns: 500 },
    );
  });

  test("have held as long as before, and fire when the rest is over", () => {
    const list = one({ for: 60_000 });
    const first = new Life(list, 0);
    for (let at = 0; at <= 40_000; at += 1000) first.tick(load(90, at));
    const { kept } = first;
    const next = new Life(list, 43_000, 43_000).goOn(kept);
    expect(next.tick(load(undefined, 43_000)).fired).toEqual([]);
    expect(next.why("one")).toMatchObject({ heldFor: 40_000 });
    expect(next.tick(load(90, 44_000)).fired).toEqual([]);
    expect(next.tick(load(90, 63_999)).fired).toEqual([]);
    expect(next.tick(load(90, 64_000)).fired).toEqual(["one"]);
  });

  test("fire once for what came due while nobody looked", () => {
    const list = one({ for: 60_000, cooldown: 60_000 });
    const first = new Life(list, 0);
    first.tick(load(90, 0));
    first.tick(load(90, 59_999));
    const { kept } = first;
    const next = new Life(list, 62_000).goOn(kept);
    expect(next.tick(load(90, 62_000)).fired).toEqual([]);
    expect(next.tick(load(90, 62_001)).fired).toEqual(["one"]);
    expect(next.tick(load(90, 63_000)).fired).toEqual([]);
  });

  test("do not fire again what was done after their times were written, and have not ended by that", () => {
    const list = one({ cooldown: 10_000, keepFor: 5000 });
    const first = new Life(list, 0);
    first.tick(load(10, 0));
    const { kept } = first;
    first.tick(load(90, 500));
    const next = new Life(list, 2000).goOn({ ...kept, rules: first.durable });
    expect(next.evaluator.active()).toEqual(["one"]);
    expect(next.tick(load(90, 2000)).fired).toEqual([]);
    expect(next.tick(load(10, 3000)).ended).toEqual([]);
    expect(next.tick(load(10, 8000)).ended).toEqual(["one"]);
  });

  test("have ended where only the slower list has them active still, and hold for `for` anew", () => {
    const list = one({ for: 5000, cooldown: 1000 });
    const first = new Life(list, 0);
    first.tick(load(90, 0));
    first.tick(load(90, 5000));
    const { durable } = first;
    expect(first.tick(load(10, 6000)).ended).toEqual(["one"]);
    const next = new Life(list, 8000).goOn({ ...first.kept, rules: durable });
    expect(next.evaluator.active()).toEqual([]);
    expect(next.tick(load(90, 8000)).fired).toEqual([]);
    expect(next.tick(load(90, 13_000)).fired).toEqual(["one"]);
  });

  test("start as new where they ask or do something else now, and keep their times where only these changed", () => {
    const first = new Life(one({ for: 10_000 }), 0);
    first.tick(load(90, 0));
    first.tick(load(90, 9000));
    const { kept } = first;
    const firesAfter = (list: CompleteRule[]) => {
      const next = new Life(list, 10_000).goOn(kept);
      for (let at = 10_000; at < 60_000; at += 1000) if (next.tick(load(90, at)).fired.length > 0) return at - 10_000;
      return undefined;
    };
    expect(firesAfter(one({ for: 10_000 }))).toBe(1000);
    expect(firesAfter(one({ for: 12_000, name: "another name" }))).toBe(3000);
    expect(firesAfter(one({ for: 10_000, actions: [{ type: "alert", target: "heart" }] }))).toBe(10_000);
    expect(firesAfter(one({ for: 10_000, mode: "shadow" }))).toBeUndefined();
    expect(firesAfter(one({ for: 10_000, enabled: false }))).toBeUndefined();
  });

  test("are new by what is no snapshot, or half of one", () => {
    const rising = { system: "brain", metric: "load", operator: "increasingFasterThan", value: 1, over: 4000 };
    const [rated] = one({ conditions: [rising] }) as [CompleteRule];
    const list = [...one({ for: 10_000 }), { ...rated, id: "two" }];
    const first = new Life(list, 0);
    for (const at of [0, 1000, 2000, 3000]) first.tick(load(90, at));
    const { kept } = first;
    const whole = kept.times;
    const [[key, samples]] = Object.entries(whole.rates) as [[string, string]];
    const { one: entry } = whole.rules;
    const rules = (more: object) => ({ rules: { one: { ...entry, ...more } } });
    const rates = (text: unknown) => ({ rules: {}, rates: { [key]: text } });
    const pairs = (...numbers: number[]) => rates(Buffer.from(new Float64Array(numbers).buffer).toString("base64"));
    const broken = [
      ...[null, 7, "x", [], {}, { rules: 1, rates: "x" }, { rules: [entry] }, { rules: { one: null, two: 3 } }],
      ...[{ last: "maybe" }, { lasted: -1 }, { lasted: "1" }, { lasted: 1e300 }, { work: "other" }].map(rules),
      ...[{ active: {} }, { fired: "now" }, { holding: [-1] }, { holding: [0.5] }, { holding: 3 }].map(rules),
      rules({ last: "unknown", holding: [7] }),
      ...["", "!", 7, samples.slice(5)].map(rates),
      ...[pairs(1000, 5, 3000, 5), pairs(3000, Number.NaN), pairs(-3000, 5), pairs(3000, 5, 3000, 5)],
      pairs(...Array.from({ length: 130 }, (_, i) => 3990 - i)),
    ];
    const goesOn = (times: unknown) => {
      const next = new Life(list, 4000).goOn({ ...kept, times });
      next.tick(load(90, 4000));
      const rate = next.why("two").conditions[0]?.truth;
      return { heldFor: next.why("one").heldFor, active: next.evaluator.active(), rate };
    };
    expect(goesOn(whole)).toEqual({ heldFor: 3000, active: [], rate: "false" });
    for (const times of broken) {
      expect({ times, ...goesOn(times) }).toEqual({ times, heldFor: 0, active: [], rate: "unknown" });
    }
  });

  test("of which nothing is under way need nothing on the disk", () => {
    const first = new Life(one({ for: 10_000 }), 0);
    first.tick(load(10, 0));
    expect(first.kept.times).toEqual({ rules: {}, rates: {} });
  });
});
