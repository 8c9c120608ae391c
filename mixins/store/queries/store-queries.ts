import type { Model } from "../../../models/model.ts";
import type { QueryTimes } from "../../../models/performance.ts";
import type {
  CollectionFacts,
  FieldStatistics,
  IndexBuilt,
  IndexDropped,
  IndexFacts,
  IndexWish,
  ServiceQueries,
  ShapeRuns,
} from "../../../models/query-facts.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { QueryMeter } from "../../../runtime/queries/query-meter.ts";
import type { IndexLimits, QuerySource } from "../../../runtime/queries/query-sources.ts";
import { compileModel } from "../compiled-model.ts";
import type { DatabaseFile } from "../database-file.ts";
import { wrong } from "../refusal.ts";
import { compileWish, forget, MAX_ADVISED, note, noted } from "./advised-indexes.ts";
import { type BuildOptions, buildIndex, refuseCostly, sampleIndex } from "./index-build.ts";
import { indexFacts } from "./index-facts.ts";
import { ShapePlans } from "./shape-plans.ts";

/** What the optimizer may know and do of one service's SQLite file. */
export class StoreQueries implements QuerySource {
  readonly service: string;
  readonly #file: DatabaseFile;
  readonly #models: readonly Model[];
  readonly #meter: QueryMeter;
  readonly #clock: Clock;
  readonly #plans: ShapePlans;
  #building: Promise<unknown> = Promise.resolve();

  constructor(file: DatabaseFile, models: readonly Model[], meter: QueryMeter, clock: Clock) {
    this.service = meter.service;
    this.#file = file;
    this.#models = models;
    this.#meter = meter;
    this.#clock = clock;
    this.#plans = new ShapePlans(file, meter);
  }

  /** Takes up what an earlier life of the service was told. */
  async resume(): Promise<void> {
    this.#file.rewrite(new Set((await this.#file.read(() => noted(this.#file, "rewrite"))).map(({ name }) => name)));
  }

  times(): QueryTimes {
    return this.#meter.times();
  }

  async facts(): Promise<ServiceQueries> {
    this.#meter.rollWindow();
    const shapes = await this.#plans.facts();
    const { indexes, collections, dropped } = await this.#file.read(() => ({
      indexes: indexFacts(this.#file, this.#models, shapes),
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

  whatIf(add: readonly IndexWish[], drop: readonly string[], rewrite: readonly string[]) {
    const indexes = add.map((wish) => compileWish(this.#models, wish));
    return this.#plans.whatIf(indexes, drop, rewrite);
  }

  statistics(wish: IndexWish): Promise<FieldStatistics> {
    return sampleIndex(this.#file.path, compileWish(this.#models, wish));
  }

  async createIndex(wish: IndexWish, limits: BuildOptions): Promise<IndexBuilt> {
    const target = compileWish(this.#models, wish);
    return this.#oneAtATime(async () => {
      const existing = await this.#file.read(() => indexFacts(this.#file, this.#models, []));
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
      refuseCostly(this.#file.path, wish, await sampleIndex(this.#file.path, target));
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
    // After what is being built: else it would not be there yet, and stay.
    return this.#oneAtATime(() => this.#drop(given, name));
  }

  #drop(given: string | IndexWish, name: string): Promise<IndexDropped> {
    return this.#file.write(() => {
      const known = indexFacts(this.#file, this.#models, []);
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

  #oneAtATime<R>(work: () => Promise<R>): Promise<R> {
    const mine = this.#building.then(work);
    this.#building = mine.catch(() => {});
    return mine;
  }

  #collections(): CollectionFacts[] {
    return this.#models.map((model) => {
      const { table, paths } = compileModel(model);
      const { n } = this.#file.get(`SELECT max(rowid) AS n FROM ${table}`) as { n: number | null };
      return { name: model.name, documents: n ?? 0, fields: [...paths.keys()] };
    });
  }
}

/** Whether an index answers all that a wished one would. */
function serves(index: IndexFacts, wish: IndexWish): boolean {
  if (index.collection !== wish.collection || index.unique || (index.living && !wish.living)) return false;
  return wish.fields.every((field, i) => index.fields[i] === field);
}
