import type { StatementSync } from "node:sqlite";
import type { MeasuredShape } from "../../../runtime/queries/measured-shape.ts";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import { type Asked, shapeOfAsked, shapeText } from "./asked.ts";

/** The SQL function that counts the documents which a statement looks at. */
export const SEEN_FUNCTION = "azora_seen";

/** Other predicates behind one SQL that are told apart. */
const MAX_OPAQUE = 50;

/** A prepared statement with its shape. */
export class MeasuredStatement {
  readonly statement: StatementSync;
  /** Of a question whose SQL tells it from all others. */
  #shape: MeasuredShape | undefined;
  readonly #opaque = new Map<string, MeasuredShape>();
  /** The same with a counter for the documents looked at; `null` where none can be. */
  counting: StatementSync | null | undefined;

  readonly #sql: string;

  constructor(statement: StatementSync, sql: string) {
    this.statement = statement;
    this.#sql = sql;
  }

  shapeOf(asked: Asked, meter: QueryMeter): MeasuredShape {
    if (this.#shape) return this.#shape;
    const shape = shapeOfAsked(asked);
    const text = shapeText(shape);
    const known = this.#opaque.get(text);
    if (known) return known;
    const measured = meter.shapeOf(text, () => shape);
    measured.statement ||= this.#sql;
    measured.otherStatement ??= asked.otherwise?.() ?? null;
    if (!asked.opaque) this.#shape = measured;
    else if (this.#opaque.size < MAX_OPAQUE) this.#opaque.set(text, measured);
    return measured;
  }
}

/**
 * A SELECT with the counter as its first condition, so that it is asked for each entry or document that the loop comes
 * to, before any that no index decides. Its likelihood of 1 leaves the planner's estimates alone. Where alternatives are
 * looked for apart, they are what is counted.
 */
export function counting(sql: string): string {
  const marker = `likelihood(${SEEN_FUNCTION}(), 1.0) AND `;
  const isUnion = sql.includes(" rowid IN (SELECT rowid FROM ");
  return isUnion
    ? sql.replaceAll(/( rowid FROM \w+ WHERE )/g, `$1${marker}`)
    : sql.replace(" WHERE ", ` WHERE ${marker}`);
}
