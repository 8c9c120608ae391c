import { hash } from "node:crypto";
import { Validators } from "moleculer";
import type { FieldRule, Model, ModelIndex } from "../../models/model.ts";
import { AzoraError } from "../../runtime/errors.ts";
import { type FieldError, fieldErrors } from "../../runtime/field-errors.ts";
import { columnOf, type ScalarKind, SYSTEM_PATHS, scalarPaths } from "./paths.ts";
import type { Asked } from "./queries/asked.ts";
import { shown } from "./refusal.ts";

export interface CompiledIndex extends ModelIndex {
  /** Name in the file. A changed declaration gets another name, and so a new index. */
  name: string;
  sql: string;
}

/** A model made ready: checked once, with its validator, its paths and its indexes. */
export interface CompiledModel<T extends object> {
  model: Model<T>;
  table: string;
  paths: ReadonlyMap<string, ScalarKind>;
  indexes: readonly CompiledIndex[];
  /** What is measured of statements that are always the same. */
  asked: Readonly<Record<"get" | "insert" | "update" | "erase" | "each", Asked>>;
  /** The document as it will be stored: defaults set, values normalised, fields that are `null` left out. */
  validate(document: unknown): T;
}

/** Tables of documents; a collection may be called like an SQL keyword. */
export const TABLE_PREFIX = "docs_";

const NAME = /^[a-z][a-z0-9_]{0,39}$/;
const FIELD = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

const compiled = new WeakMap<object, CompiledModel<never>>();

/** @throws Error naming what is wrong in the model */
export function compileModel<T extends object>(model: Model<T>): CompiledModel<T> {
  const known = compiled.get(model);
  if (known) return known as unknown as CompiledModel<T>;
  if (!NAME.test(model.name)) {
    throw new Error(`model name ${shown(model.name)} must match ${NAME.source}`);
  }
  const fields = model.fields as Record<string, FieldRule>;
  checkFields(model.name, fields);
  const paths = scalarPaths(model);
  const table = `${TABLE_PREFIX}${model.name}`;
  const result: CompiledModel<T> = {
    model,
    table,
    paths,
    indexes: (model.indexes ?? []).map((index) => compileIndex(table, index, paths)),
    asked: {
      get: { collection: model.name, kind: "get" },
      insert: { collection: model.name, kind: "insert" },
      update: { collection: model.name, kind: "update" },
      erase: { collection: model.name, kind: "erase" },
      each: { collection: model.name, kind: "each" },
    },
    validate: validator(model.name, fields) as (document: unknown) => T,
  };
  compiled.set(model, result as unknown as CompiledModel<never>);
  return result;
}

function checkFields(model: string, fields: Record<string, FieldRule>): void {
  for (const [name, rule] of Object.entries(fields)) {
    if (Object.hasOwn(SYSTEM_PATHS, name) || name === "id")
      throw new Error(`model ${model}: the store itself keeps ${name}`);
    if (typeof rule?.type !== "string") {
      throw new Error(`model ${model}: field ${name} needs a rule such as { type: "string" }`);
    }
    if (rule.type === "date") {
      throw new Error(
        `model ${model}: field ${name}: JSON has no dates; declare { type: "string" } with an ISO pattern`,
      );
    }
  }
  checkNames(model, "", fields);
}

function checkNames(model: string, prefix: string, fields: Record<string, FieldRule>): void {
  for (const [name, rule] of Object.entries(fields)) {
    if (!FIELD.test(name)) throw new Error(`model ${model}: field ${prefix}${name} must match ${FIELD.source}`);
    // The validator would read the inherited one where the document has none.
    if (name in Object.prototype)
      throw new Error(`model ${model}: every object has a ${name}; call the field otherwise`);
    if (rule.props) checkNames(model, `${prefix}${name}.`, rule.props);
  }
}

function compileIndex(table: string, index: ModelIndex, paths: ReadonlyMap<string, ScalarKind>): CompiledIndex {
  for (const path of index.fields) {
    if (!paths.has(path)) {
      throw new Error(
        `model ${table}: an index on ${shown(path)} is not possible; indexable are ${[...paths.keys()].join(", ")}`,
      );
    }
  }
  if (index.fields.length === 0) throw new Error(`model ${table}: an index needs a field`);
  const on = `${table} (${index.fields.map(columnOf).join(", ")})`;
  // A unique index leaves deleted documents out, so that a removed one does not block its successor.
  const body = index.unique ? `UNIQUE INDEX %s ON ${on} WHERE deletedAt IS NULL` : `INDEX %s ON ${on}`;
  const name = `${table}_${index.fields.join("_").replace(/[^A-Za-z0-9_]/g, "_")}_${hash("sha256", body).slice(0, 8)}`;
  return { ...index, name, sql: `CREATE ${body.replace("%s", `IF NOT EXISTS ${name}`)}` };
}

function validator(model: string, fields: Record<string, FieldRule>): (document: unknown) => Record<string, unknown> {
  const check = new Validators.Fastest().compile({ $$strict: true, ...fields } as never) as (
    document: unknown,
  ) => true | unknown[];
  return (document) => {
    const copy = structuredClone(document) as Record<string, unknown>;
    const report = check(copy);
    if (report !== true) {
      const errors = fieldErrors(report) as FieldError[];
      const detail = errors.map(({ field, value, allowed }) => `${field}${quoted(value)} ${allowed}`).join("; ");
      throw new AzoraError("VALIDATION_ERROR", `${model}: ${detail}`, { errors });
    }
    for (const [name, value] of Object.entries(copy)) {
      if (value === undefined || (value === null && !fields[name]?.nullable)) delete copy[name];
    }
    return copy;
  };
}

const quoted = (value: unknown) => (value === undefined ? "" : ` is ${shown(value)}, but`);
