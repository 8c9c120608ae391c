import type { PlanFacts, ShapeFacts } from "../../../models/query-facts.ts";
import type { MeasuredShape } from "../../../runtime/queries/measured-shape.ts";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import { TABLE_PREFIX } from "../compiled-model.ts";
import type { DatabaseFile } from "../database-file.ts";
import { type AdvisedIndex, noted } from "./advised-indexes.ts";
import { counting } from "./measured-statement.ts";
import { SchemaCopy, schemaVersion } from "./schema-copy.ts";
import { readPlan } from "./sqlite-plan.ts";

const EXPLAINED = new Set(["find", "page", "count"]);

/** Plans made between two looks at the event loop. */
const AT_ONCE = 20;

interface Planned {
  version: number;
  rewritten: boolean;
  plan: PlanFacts;
  /** Counting the documents looked at leaves the plan as it is. */
  faithful: boolean;
}

/** How SQLite carries out the measured shapes: as things are, and as they might be. */
export class ShapePlans {
  readonly #file: DatabaseFile;
  readonly #meter: QueryMeter;
  readonly #plans = new Map<string, Planned>();

  constructor(file: DatabaseFile, meter: QueryMeter) {
    this.#file = file;
    this.#meter = meter;
  }

  async facts(): Promise<ShapeFacts[]> {
    const rewritten = await this.#rewritten();
    await this.#plan(rewritten);
    return [...this.#meter.shapes()].map((shape) => {
      shape.rewritten = rewritten.has(shape.text);
      const planned = this.#plans.get(shape.id);
      const facts = { ...shape.facts(this.#meter.actions), plan: planned?.plan ?? null };
      if (planned && !planned.faithful) facts.sampled = { runs: 0, examined: 0, returned: 0 };
      return facts;
    });
  }

  /** Plans of the shapes that have none for the indexes of now; some at a time, since this is nobody's call. */
  async #plan(rewritten: ReadonlySet<string>): Promise<void> {
    const version = await this.#file.read(() => schemaVersion(this.#file));
    const due = [...this.#meter.shapes()].filter((shape) => {
      const known = this.#plans.get(shape.id);
      const isKnown = known?.version === version && known.rewritten === rewritten.has(shape.text);
      return EXPLAINED.has(shape.shape.kind) && !isKnown;
    });
    if (due.length === 0) return;
    const copy = await this.#copy();
    try {
      for (const [i, shape] of due.entries()) {
        if (i > 0 && i % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
        const sql = statementOf(shape, rewritten.has(shape.text));
        const steps = copy.steps(sql);
        const faithful = copy.steps(counting(sql)).join() === steps.join();
        const plan = readPlan(steps, tableOf(shape));
        this.#plans.set(shape.id, { version: copy.version, rewritten: rewritten.has(shape.text), plan, faithful });
      }
    } finally {
      copy.close();
    }
  }

  async whatIf(
    add: readonly AdvisedIndex[],
    drop: readonly string[],
    rewrite: readonly string[],
  ): Promise<Record<string, PlanFacts>> {
    const rewritten = await this.#rewritten();
    const copy = await this.#copy();
    try {
      for (const { sql } of add) copy.exec(sql);
      for (const name of drop) copy.exec(`DROP INDEX IF EXISTS "${name.replaceAll('"', '""')}"`);
      const plans: Record<string, PlanFacts> = {};
      for (const shape of this.#meter.shapes()) {
        if (!EXPLAINED.has(shape.shape.kind)) continue;
        const other = rewritten.has(shape.text) || rewrite.includes(shape.id);
        plans[shape.id] = readPlan(copy.steps(statementOf(shape, other)), tableOf(shape));
      }
      return plans;
    } finally {
      copy.close();
    }
  }

  async #rewritten(): Promise<ReadonlySet<string>> {
    const rows = await this.#file.read(() => noted(this.#file, "rewrite"));
    return new Set(rows.map(({ name }) => name));
  }

  #copy(): Promise<SchemaCopy> {
    return this.#file.read(() => new SchemaCopy(this.#file)) as Promise<SchemaCopy>;
  }
}

const tableOf = ({ shape }: MeasuredShape) => `${TABLE_PREFIX}${shape.collection}`;

const statementOf = (shape: MeasuredShape, rewritten: boolean) =>
  (rewritten ? shape.otherStatement : null) ?? shape.statement;
