import type { ActionSchema } from "moleculer";
import type { FieldRule, Model } from "../../models/model.ts";
import type { PageOptions } from "./document-reader.ts";
import { wrong } from "./refusal.ts";

/** Parameter schemas of the store's actions, made from the model; also for actions of a service's further collections. */

export interface PageLimits {
  pageSize: number;
  maxPageSize: number;
}

type Params = Exclude<ActionSchema["params"], undefined>;

const strings: FieldRule[] = [
  { type: "string", max: 1000 },
  { type: "array", items: "string", max: 50 },
] as FieldRule[];

const optionalStrings = strings.map((rule) => ({ ...rule, optional: true }));

/** A Mongo-style query as an object, or as JSON in a query string. */
const query = [
  { type: "object", optional: true },
  { type: "string", optional: true, max: 10_000 },
];

const flag = { type: "boolean", optional: true, convert: true };

export const idParam: FieldRule = { type: "string", min: 1, max: 128 };
export const versionParam: FieldRule = { type: "number", integer: true, min: 1, optional: true, convert: true };

/** Which fields of a document to return. */
const projection = { fields: optionalStrings };

export function getParams(): Params {
  return {
    $$strict: true,
    id: [idParam, { type: "array", items: idParam, min: 1, max: 100 }],
    mapping: flag,
    withDeleted: flag,
    ...projection,
  };
}

export function listParams({ pageSize, maxPageSize }: PageLimits): Params {
  return {
    $$strict: true,
    query,
    sort: optionalStrings,
    page: { type: "number", integer: true, min: 1, max: 1_000_000, optional: true, convert: true },
    pageSize: { type: "number", integer: true, min: 1, max: maxPageSize, default: pageSize, convert: true },
    cursor: { type: "string", optional: true, max: 4000 },
    withDeleted: flag,
    ...projection,
  };
}

export function findParams(maxLimit: number): Params {
  return {
    $$strict: true,
    query,
    sort: optionalStrings,
    limit: { type: "number", integer: true, min: 1, max: maxLimit, default: Math.min(100, maxLimit), convert: true },
    offset: { type: "number", integer: true, min: 0, max: 1_000_000, optional: true, convert: true },
    withDeleted: flag,
    ...projection,
  };
}

export function countParams(): Params {
  return { $$strict: true, query, withDeleted: flag };
}

export function createParams<T extends object>(model: Model<T>): Params {
  return { $$strict: true, ...model.fields };
}

export function insertParams<T extends object>(model: Model<T>, maxLimit: number): Params {
  const entity = { type: "object", strict: true, props: model.fields, optional: true };
  return {
    $$strict: true,
    entity,
    entities: { type: "array", items: { ...entity, optional: false }, min: 1, max: maxLimit, optional: true },
  };
}

/** Every field optional, none with its default: what is not sent stays as it is. */
export function updateParams<T extends object>(model: Model<T>): Params {
  const fields = Object.entries(model.fields as Record<string, FieldRule>).map(([name, rule]) => {
    const { default: _, ...rest } = rule;
    return [name, { ...rest, optional: true }];
  });
  return { $$strict: true, id: idParam, version: requiredVersion(model), ...Object.fromEntries(fields) };
}

export function removeParams<T extends object>(model: Model<T>): Params {
  return { $$strict: true, id: idParam, version: requiredVersion(model) };
}

export function restoreParams(): Params {
  return { $$strict: true, id: idParam };
}

const requiredVersion = <T extends object>({ requireVersion }: Model<T>): FieldRule =>
  requireVersion ? { ...versionParam, optional: false } : versionParam;

/** The parameters of a `list` as `page` takes them. `null` is what the validator lets pass as "not given". */
export function pageOptions(params: object): PageOptions {
  const { query, sort, page, pageSize, cursor, withDeleted } = params as Record<string, unknown>;
  const options = { query: readQuery(query), sort, page, pageSize, cursor, withDeleted };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== null && value !== undefined),
  ) as unknown as PageOptions;
}

/**
 * A query as an object, or as the JSON that a URL holds.
 * @throws AzoraError VALIDATION_ERROR
 */
export function readQuery(query: unknown): unknown {
  if (typeof query !== "string") return query;
  try {
    return JSON.parse(query);
  } catch (error) {
    throw wrong("query", query, `JSON (${(error as Error).message})`);
  }
}
