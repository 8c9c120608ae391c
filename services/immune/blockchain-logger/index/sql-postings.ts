import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Postings } from "./postings.ts";

export type Direction = "asc" | "desc";
export type Column = "event_type" | "subject" | "actor" | "request_id";

/** Positions read at once: few after a jump, more while a list is walked from end to end. */
const LEAST_BATCH = 16;
const MOST_BATCH = 1024;

export function postingsSql(column: Column, direction: Direction): string {
  const beyond = direction === "asc" ? ">=" : "<=";
  return `SELECT position FROM blockchain_entries WHERE ${column} = ? AND position ${beyond} ? ORDER BY position ${direction.toUpperCase()} LIMIT ?`;
}

/** Statements of one connection, made once. */
export class PostingsSource {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * The entries that have this value in a column. A walk downwards is told in negative numbers, so that each walk is an
   * ascending one: position 7 is -7 there.
   */
  of(column: Column, value: string | number, direction: Direction): Postings {
    const sql = postingsSql(column, direction);
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return new SqlPostings(statement, value, direction === "asc" ? 1 : -1);
  }
}

class SqlPostings implements Postings {
  readonly #statement: StatementSync;
  readonly #value: string | number;
  readonly #sign: 1 | -1;
  #batch: number[] = [];
  #next = 0;
  #size = LEAST_BATCH;
  #ended = false;

  constructor(statement: StatementSync, value: string | number, sign: 1 | -1) {
    this.#statement = statement;
    this.#value = value;
    this.#sign = sign;
  }

  seek(from: number): number | undefined {
    const last = this.#batch.at(-1);
    if (last === undefined || last < from) {
      if (this.#ended) return undefined;
      // What begins right behind the last batch is a walk, everything else a jump.
      this.#size = last !== undefined && from === last + 1 ? Math.min(this.#size * 4, MOST_BATCH) : LEAST_BATCH;
      const rows = this.#statement.all(this.#value, this.#sign * from, this.#size) as unknown as [number][];
      this.#batch = rows.map(([position]) => this.#sign * position);
      this.#ended = rows.length < this.#size;
      this.#next = 0;
    }
    while (this.#next < this.#batch.length && this.#batch[this.#next]! < from) this.#next++;
    return this.#batch[this.#next];
  }
}
