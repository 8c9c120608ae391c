import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import { MATCH_FUNCTION, type Predicate } from "../query.ts";
import { type Asked, shapeOfAsked } from "./asked.ts";
import { counting, MeasuredStatement, SEEN_FUNCTION } from "./measured-statement.ts";

export type Params = readonly (string | number | null)[];

const MAX_STATEMENTS = 200;

/** The prepared statements of one connection; those that are asked something are measured. */
export class Statements {
  #db: DatabaseSync | undefined;
  readonly #prepared = new Map<string, MeasuredStatement>();
  #meter: QueryMeter | undefined;
  /** Documents that the statement under way has looked at. */
  #seen = 0;
  #predicates: readonly Predicate[] = [];

  /** The SQL functions of a connection that will be used. */
  define(db: DatabaseSync): void {
    db.function(MATCH_FUNCTION, { deterministic: true }, (doc, n) =>
      this.#predicates[Number(n)]!(JSON.parse(String(doc))) ? 1 : 0,
    );
    // Not deterministic: SQLite would ask it once for all documents.
    db.function(SEEN_FUNCTION, () => ++this.#seen);
  }

  /** From now on this connection is asked. */
  use(db: DatabaseSync): void {
    this.#prepared.clear();
    this.#db = db;
  }

  clear(): void {
    this.#prepared.clear();
  }

  /** From now on what is asked is measured, or not any more. */
  measure(meter: QueryMeter | undefined): void {
    this.#meter = meter;
  }

  all(sql: string, params: Params, predicates: readonly Predicate[], asked?: Asked): unknown[] {
    this.#predicates = predicates;
    const prepared = this.#prepare(sql);
    const meter = this.#meter;
    if (!asked || !meter) return prepared.statement.all(...params);
    const shape = prepared.shapeOf(asked, meter);
    const counter = meter.isSampled(shape) ? this.#counting(prepared, sql, asked) : null;
    this.#seen = 0;
    const began = meter.elapsed();
    const rows = (counter ?? prepared.statement).all(...params);
    meter.record(shape, meter.elapsed() - began, rows.length, counter ? this.#seen : -1);
    return rows;
  }

  get(sql: string, params: Params, predicates: readonly Predicate[], asked?: Asked): unknown {
    this.#predicates = predicates;
    const prepared = this.#prepare(sql);
    const meter = this.#meter;
    if (!asked || !meter) return prepared.statement.get(...params);
    const shape = prepared.shapeOf(asked, meter);
    const counter = meter.isSampled(shape) ? this.#counting(prepared, sql, asked) : null;
    this.#seen = 0;
    const began = meter.elapsed();
    const row = (counter ?? prepared.statement).get(...params);
    const returned = asked.kind === "count" ? (row as { n: number }).n : row === undefined ? 0 : 1;
    meter.record(shape, meter.elapsed() - began, returned, counter ? this.#seen : -1);
    return row;
  }

  run(sql: string, params: Params, asked?: Asked): number {
    const prepared = this.#prepare(sql);
    const meter = this.#meter;
    if (!asked || !meter) return Number(prepared.statement.run(...params).changes);
    const began = meter.elapsed();
    const changes = Number(prepared.statement.run(...params).changes);
    meter.record(prepared.shapeOf(asked, meter), meter.elapsed() - began, 0);
    return changes;
  }

  /** When something begins that no statement is asked for. */
  began(): number {
    return this.#meter?.elapsed() ?? 0;
  }

  /** It is over, and the time was spent on what `asked` says. */
  ended(asked: Asked, began: number): void {
    const meter = this.#meter;
    meter?.record(
      meter.shapeOf(asked.kind, () => shapeOfAsked(asked)),
      meter.elapsed() - began,
      0,
    );
  }

  /** A look-up by id looks at one document; that need not be counted. */
  #counting(prepared: MeasuredStatement, sql: string, { kind }: Asked): StatementSync | null {
    prepared.counting ??= ["find", "page", "count"].includes(kind) ? this.#db!.prepare(counting(sql)) : null;
    return prepared.counting;
  }

  #prepare(sql: string): MeasuredStatement {
    let prepared = this.#prepared.get(sql);
    if (!prepared) {
      if (this.#prepared.size >= MAX_STATEMENTS) this.#prepared.delete(this.#prepared.keys().next().value!);
      prepared = new MeasuredStatement(this.#db!.prepare(sql), sql);
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }
}
