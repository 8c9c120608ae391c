import type { Model } from "../../../models/model.ts";
import type { QueryTimes } from "../../../models/performance.ts";
import type {
  CollectionFacts,
  FieldStatistics,
  IndexBuilt,
  IndexDropped,
  IndexFacts,
  IndexWish,
  PlanFacts,
  ServiceQueries,
  ShapeFacts,
  ShapeRuns,
} from "../../../models/query-facts.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { MeasuredShape } from "../../../runtime/queries/measured-shape.ts";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import type { IndexLimits, QuerySource } from "../../../runtime/queries/query-sources.ts";
import { compileModel, TABLE_PREFIX } from "../compiled-model.ts";
import type { DatabaseFile } from "../database-file.ts";
import { wrong } from "../refusal.ts";
import { ADVISED_PREFIX, compileWish, forget, MAX_ADVISED, note, noted } from "./advised-indexes.ts";
import { type BuildOptions, buildIndex, refuseCostly, sampleIndex } from "./index-build.ts";
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

/** What the optimizer may know and do of one service's SQLite file. */
export class StoreQueries implements QuerySource {
  readonly service: string;
  readonly #file: DatabaseFile;
  readonly #models: readonly Model[];
  readonly #meter: QueryMeter;
  readonly #clock: Clock;
  readonly #plans = new Map<string, Planned>();
  #building: Promise<unknown> = Promise.resolve();

  constructor(file: DatabaseFile, models: readonly Model[], meter: QueryMeter, clock: Clock) {
    this.service = meter.service;
    this.#file = file;
    this.#models = models;
    this.#meter = meter;
    this.#clock = clock;
  }

  /** Takes up what an earlier life of the service was told. */
  async resume(): Promise<void> {
    this.#file.rewrite(new Set((await this.#file.read(() => noted(this.#file, "rewrite"))).map(({ name }) => name)));
  }

  times(): QueryTimes {
    return this.#meter.times();
  }

  async facts(): Promise<ServiceQueries> {
    const shapes: ShapeFacts[] = [];
    const rewritten = await this.#rewritten();
    await this.#plan(rewritten);
    this.#meter.rollWindow();
    for (const shape of this.#meter.shapes()) {
      shape.rewritten = rewritten.has(shape.text);
      const planned = this.#plans.get(shape.id);
      const facts = { ...shape.facts(this.#meter.actions), plan: planned?.plan ?? null };
      if (planned && !planned.faithful) facts.sampled = { runs: 0, examined: 0, returned: 0 };
      shapes.push(facts);
    }
    const { indexes, collections, dropped } = await this.#file.read(() => ({
      indexes: this.#indexes(shapes),
      collections: this.#collections(),
      dropped: noted(this.#file, "dropped").map(({ name, detail }) => ({ name, ...(JSON.parse(detail) as IndexWish) })),
    }));
    const { service, since, others } = this.#meter;
    return {
      service,
      node: "",
      engine: "sqlite",
      since,
      at: this.#clock.now(),
      shapes,
      others: { count: others.count, sum: Math.round(others.sum) },
      collections,
      indexes,
      dropped,
      actions: this.#meter.calls(),
      streaks: this.#meter.streaks.facts(),
    };
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

  async whatIf(add: readonly IndexWish[], drop: readonly string[], rewrite: readonly string[]) {
    const indexes = add.map((wish) => compileWish(this.#models, wish));
    const rewritten = await this.#rewritten();
    const copy = await this.#copy();
    try {
      for (const { sql } of indexes) copy.exec(sql);
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

  statistics(wish: IndexWish): Promise<FieldStatistics> {
    return sampleIndex(this.#file.path, compileWish(this.#models, wish));
  }

  async createIndex(wish: IndexWish, limits: BuildOptions): Promise<IndexBuilt> {
    const target = compileWish(this.#models, wish);
    return this.#oneAtATime(async () => {
      const existing = await this.#file.read(() => this.#indexes([]));
      const same = existing.find((index) => serves(index, wish));
      if (same) return { name: same.name, made: false, blocked: 0, bytes: 0 };
      const advised = existing.filter(
        ({ origin, collection }) => origin === "advised" && collection === wish.collection,
      );
      if (advised.length >= MAX_ADVISED) {
        const names = advised.map(({ name }) => name);
        const detail = `${wish.collection} has ${names.length} advised indexes, and ${MAX_ADVISED} are allowed: take one back, or declare some in the model`;
        throw new AzoraError("ADVICE_REFUSED", detail, { indexes: names, allowed: MAX_ADVISED });
      }
      refuseCostly(this.#file.path, wish, await sampleIndex(this.#file.path, target), limits.maxBlock);
      return buildIndex(this.#file, target, "index", this.#clock.now(), limits);
    });
  }

  runs(shapes: readonly string[]): Record<string, ShapeRuns> {
    const wanted = new Set(shapes);
    const runs: Record<string, ShapeRuns> = {};
    for (const shape of this.#meter.shapes()) if (wanted.has(shape.id)) runs[shape.id] = shape.runs();
    return runs;
  }

  async dropIndex(given: string | IndexWish): Promise<IndexDropped> {
    const name = typeof given === "string" ? given : compileWish(this.#models, given).name;
    return this.#file.write(() => {
      const known = this.#indexes([]);
      const index = known.find((each) => each.name === name);
      if (!index) {
        if (typeof given !== "string") return { name, dropped: false };
        throw wrong("name", name, `one of ${known.map((each) => each.name).join(", ") || "(there are none)"}`);
      }
      const { collection, fields, living, unique, origin } = index;
      if (unique) {
        throw new AzoraError("ADVICE_REFUSED", `${name} keeps values unique; it is not there for speed`, { name });
      }
      this.#file.exec(`DROP INDEX "${name}"`);
      if (origin === "advised") forget(this.#file, "index", name);
      else note(this.#file, "dropped", name, { collection, fields, living }, this.#clock.now());
      return { name, dropped: true };
    });
  }

  async restoreIndex(name: string, limits: IndexLimits): Promise<IndexBuilt> {
    return this.#oneAtATime(async () => {
      for (const model of this.#models) {
        const { table, indexes } = compileModel(model);
        const index = indexes.find((each) => each.name === name);
        if (!index) continue;
        const target = {
          collection: model.name,
          fields: [...index.fields],
          living: false,
          name,
          table,
          sql: index.sql,
        };
        return buildIndex(this.#file, target, "dropped", this.#clock.now(), limits);
      }
      const dropped = (await this.#file.read(() => noted(this.#file, "dropped"))).map((each) => each.name);
      throw wrong("name", name, `an index of the model that was dropped: ${dropped.join(", ") || "(there are none)"}`);
    });
  }

  async useRewrite(id: string, on: boolean): Promise<void> {
    const shape = this.#meter.shapeById(id);
    if (!shape)
      throw new AzoraError(
        "NOT_FOUND",
        `No query of ${this.service} has the shape ${id}; it may have gone with a restart`,
        { shape: id },
      );
    if (on && shape.otherStatement === null) {
      throw new AzoraError("ADVICE_REFUSED", `The query ${shape.text} has no other form`, { shape: id });
    }
    await this.#file.write(() => {
      if (on) note(this.#file, "rewrite", shape.text, { shape: id }, this.#clock.now());
      else forget(this.#file, "rewrite", shape.text);
    });
    await this.resume();
  }

  async #rewritten(): Promise<ReadonlySet<string>> {
    const rows = await this.#file.read(() => noted(this.#file, "rewrite"));
    return new Set(rows.map(({ name }) => name));
  }

  #copy(): Promise<SchemaCopy> {
    return this.#file.read(() => new SchemaCopy(this.#file)) as Promise<SchemaCopy>;
  }

  #oneAtATime<R>(work: () => Promise<R>): Promise<R> {
    const mine = this.#building.then(work);
    this.#building = mine.catch(() => {});
    return mine;
  }

  #indexes(shapes: readonly ShapeFacts[]): IndexFacts[] {
    const existing = new Set(
      (
        this.#file.all("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL") as { name: string }[]
      ).map(({ name }) => name),
    );
    const uses = new Map<string, number>();
    for (const { plan, count } of shapes) {
      for (const name of plan?.indexes ?? []) uses.set(name, (uses.get(name) ?? 0) + count);
    }
    const facts = (name: string, wish: IndexWish, unique: boolean): IndexFacts => ({
      ...wish,
      name,
      unique,
      origin: name.startsWith(ADVISED_PREFIX) ? "advised" : "model",
      bytes: null,
      uses: uses.get(name) ?? 0,
    });
    const declared = this.#models.flatMap((model) =>
      compileModel(model).indexes.map(({ name, fields, unique = false }) =>
        facts(name, { collection: model.name, fields: [...fields], living: unique }, unique),
      ),
    );
    const advised = noted(this.#file, "index").map(({ name, detail }) =>
      facts(name, JSON.parse(detail) as IndexWish, false),
    );
    return [...declared, ...advised].filter(({ name }) => existing.has(name));
  }

  #collections(): CollectionFacts[] {
    return this.#models.map((model) => {
      const { table, paths } = compileModel(model);
      const { n } = this.#file.get(`SELECT max(rowid) AS n FROM ${table}`) as { n: number | null };
      return { name: model.name, documents: n ?? 0, fields: [...paths.keys()] };
    });
  }
}

const tableOf = ({ shape }: MeasuredShape) => `${TABLE_PREFIX}${shape.collection}`;

const statementOf = (shape: MeasuredShape, rewritten: boolean) =>
  (rewritten ? shape.otherStatement : null) ?? shape.statement;

/** Whether an index answers all that a wished one would. */
function serves(index: IndexFacts, wish: IndexWish): boolean {
  if (index.collection !== wish.collection || index.unique || (index.living && !wish.living)) return false;
  return wish.fields.every((field, i) => index.fields[i] === field);
}
