import type { System } from "../../../models/metrics.ts";
import type { Stretch } from "../../../models/organism-state.ts";
import type { RuleWhy } from "../../../models/rule-results.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import { Columns } from "../columns.ts";
import { columnsReadBy } from "../conflicts/rule-facts.ts";
import { RuleEvaluator } from "../rule-evaluator.ts";

/** Firings and ends that are kept, each. */
export const MOST_TOLD = 10_000;
/** As in the live organism: a value that is older is not known any more. */
const STALE_STEPS = 3.5;

export interface Replayed {
  firings: { at: number; rule: string; why: RuleWhy }[];
  ended: { at: number; rule: string }[];
  unknownShare: number;
  rows: number;
  from: number | null;
  to: number | null;
  dropped: number;
}

/**
 * What rules would have done on recorded values. All are taken for switched on, since this is asked before they are. What a
 * rule would have changed is not known, so it changes nothing. Where rows are missing nothing is known meanwhile; rows that
 * are not later than the one before are left out.
 * @param looked called after each row, for who wants to ask the evaluator something then
 */
export function replayed(
  { step, columns: keys, rows }: Stretch,
  rules: readonly CompleteRule[],
  looked?: (evaluator: RuleEvaluator, at: number) => void,
): Replayed {
  const columns = new Columns();
  const numbers = keys.map((key) => columns.column(...split(key)));
  let wall = rows[0]?.at ?? 0;
  const evaluator = new RuleEvaluator({ columns, wall: () => wall });
  const on = rules.map((rule) => ({ ...rule, enabled: true, mode: "on" as const }));
  evaluator.load(on, wall);
  const share = new UnknownShare(rules, keys);
  const result: Replayed = { firings: [], ended: [], unknownShare: 0, rows: 0, from: null, to: null, dropped: 0 };
  const tick = (at: number, values: readonly (number | null)[] | undefined) => {
    wall = at;
    for (const [i, column] of numbers.entries())
      if (column !== undefined) columns.set(column, values?.[i] ?? Number.NaN, at);
    const { fired, ended } = evaluator.tick(at);
    for (const { rule, why } of fired) keep(result.firings, { at, rule: rule.id, why }, result);
    for (const rule of ended) keep(result.ended, { at, rule }, result);
  };
  for (const { at, values } of rows) {
    if (result.to !== null && at <= result.to) continue;
    if (result.to !== null && at - result.to > STALE_STEPS * step)
      tick(result.to + Math.ceil(STALE_STEPS * step), undefined);
    tick(at, values);
    share.add(values);
    looked?.(evaluator, at);
    result.rows += 1;
    result.from ??= at;
    result.to = at;
  }
  return { ...result, unknownShare: share.share };
}

function keep<T>(list: T[], one: T, result: Replayed): void {
  if (list.length < MOST_TOLD) list.push(one);
  else result.dropped += 1;
}

function split(key: string): [System, string] {
  const dot = key.indexOf(".");
  return [key.slice(0, dot) as System, key.slice(dot + 1)];
}

/** Of the values that rules read. One that is not recorded at all is never known. */
class UnknownShare {
  readonly #places: (number | undefined)[];
  #unknown = 0;
  #all = 0;

  constructor(rules: readonly CompleteRule[], keys: readonly string[]) {
    const places = new Map(keys.map((key, i) => [key, i]));
    this.#places = columnsReadBy(rules).map((key) => places.get(key));
  }

  get share(): number {
    return this.#all === 0 ? 0 : this.#unknown / this.#all;
  }

  add(values: readonly (number | null)[]): void {
    this.#all += this.#places.length;
    for (const place of this.#places) if (place === undefined || (values[place] ?? null) === null) this.#unknown += 1;
  }
}
