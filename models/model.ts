/**
 * How an entity is declared. A model says shape, validation and indexes, and does nothing; the `store` mixin keeps its
 * documents.
 */

/** A fastest-validator rule in its object form, such as `{ type: "string", max: 80 }`. */
export interface FieldRule {
  type: string;
  optional?: boolean;
  /** `null` is a value of this field. Otherwise `null` means "not there". */
  nullable?: boolean;
  default?: unknown;
  /** Fields of an object. Say `strict: true` beside them. */
  props?: Record<string, FieldRule>;
  items?: string | FieldRule;
  values?: readonly unknown[];
  [option: string]: unknown;
}

export interface ModelIndex {
  /** Paths of declared string, number or boolean fields, dotted inside objects. */
  fields: readonly string[];
  /**
   * No two living documents have the same values. Deleted documents do not count, nor do those that lack one of the
   * fields. @default false
   */
  unique?: boolean;
}

export interface Model<T extends object = Record<string, unknown>> {
  /** The collection: small letters, digits and `_`, at most 40 characters. */
  name: string;
  /** Every field there is: others are refused. */
  fields: { [K in keyof Required<T>]: FieldRule };
  indexes?: readonly ModelIndex[];
  /** Every update and removal must say the version that it has read. @default false */
  requireVersion?: boolean;
}

/** What the store adds to each document. Times are ISO 8601 in UTC. */
export interface SystemFields {
  _id: string;
  /** 1 at first, one more after each write. */
  version: number;
  createdAt: string;
  updatedAt: string;
  /** When it was removed; `null` while it lives. */
  deletedAt: string | null;
}

export type Stored<T extends object> = T & SystemFields;
