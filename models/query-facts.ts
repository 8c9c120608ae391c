/** What a store tells of the queries that it answers: shapes, their cost, plans and indexes. Shapes only, no values. */
import type { Buckets } from "./performance.ts";

export const QUERY_KINDS = [
  "get",
  "find",
  "page",
  "count",
  "insert",
  "update",
  "erase",
  "each",
  "commit",
  "lock",
  "sql",
] as const;
/** `commit`: what reached the disk; `lock`: waiting for another writer; `sql`: whatever the store asks for itself. */
export type QueryKind = (typeof QUERY_KINDS)[number];

/** What is asked of a field. `other` is decided document by document, by the operator that `operator` names. */
export const FIELD_TESTS = ["eq", "in", "null", "range", "ne", "exists", "type", "other"] as const;
export type FieldTest = (typeof FIELD_TESTS)[number];

export type ShapeCondition =
  | { op: "and" | "or"; parts: ShapeCondition[] }
  | { op: "field"; path: string; test: FieldTest; operator: string; indexable: boolean };

export interface ShapeSort {
  path: string;
  descending: boolean;
}

/** A query without its values: `{title: "Emma", pages: {$gt: 5}}` and `{pages: {$gt: 9}, title: "Silas"}` are one. */
export interface QueryShape {
  collection: string;
  kind: QueryKind;
  /** All of them must hold. */
  where: ShapeCondition[];
  /** With the `_id` that closes every order; empty where the order does not matter. */
  sort: ShapeSort[];
  limited: boolean;
  /** Deleted documents are left out. */
  living: boolean;
}

/** How the database carries a query out, in words that hold for every engine. */
export interface PlanFacts {
  /** `id`: by the primary key; `index`: looks up in one or more; `scan`: goes through the whole collection. */
  access: "id" | "index" | "scan" | "none";
  /** Names of the indexes that it looks up in, or follows for the order. */
  indexes: string[];
  /** It sorts what it has found; an index in that order would spare it. */
  sorts: boolean;
  /** In the engine's words. */
  steps: string[];
}

/** One shape, since the store was opened. */
export interface ShapeFacts {
  id: string;
  text: string;
  shape: QueryShape;
  /** All runs, and those that were timed with their time, µs: a run that counts documents is not timed. */
  count: number;
  timed: number;
  sum: number;
  buckets: Buckets;
  /** Runs of the last ten to twenty minutes, or of a shorter life: an import of long ago says nothing of now. */
  recent: number;
  /** Documents returned by all runs, and by one at most. */
  returned: number;
  largest: number;
  /** Runs of which it was counted how many documents they looked at. */
  sampled: { runs: number; examined: number; returned: number };
  /** Runs by action; `""` where it is not known which one asked. */
  actions: Record<string, number>;
  /** Calls of an action that ran it ten times or more, and the runs in them. */
  repeats: { calls: number; runs: number; largest: number; action: string };
  plan: PlanFacts | null;
  /** Whether there is another form of the question with the same answer, and whether it is asked in that one. */
  rewrite: "none" | "possible" | "used";
}

export interface IndexFacts {
  name: string;
  collection: string;
  fields: string[];
  unique: boolean;
  /** Deleted documents are left out. */
  living: boolean;
  origin: "model" | "advised";
  bytes: number | null;
  /** Measured queries whose plan uses it. */
  uses: number;
}

export interface CollectionFacts {
  name: string;
  /** At most so many. */
  documents: number;
  /** Fields that an index can be on. */
  fields: string[];
}

/** Calls of another service's that called an action ten times or more. */
export interface CallStreak {
  action: string;
  /** The service that did so last. */
  caller: string;
  calls: number;
  /** In them. */
  runs: number;
  largest: number;
}

/** All that one node knows of the queries of one service. */
export interface ServiceQueries {
  service: string;
  node: string;
  engine: "sqlite" | "mongodb";
  /** Since when it is measured, and now; ms since the epoch. */
  since: number;
  at: number;
  shapes: ShapeFacts[];
  /** Queries whose shape was one too many. */
  others: { count: number; sum: number };
  collections: CollectionFacts[];
  indexes: IndexFacts[];
  /** Indexes of the model that were dropped by advice. */
  dropped: { name: string; collection: string; fields: string[] }[];
  /** Calls of each action. */
  actions: Record<string, number>;
  streaks: CallStreak[];
}

/** An index that is not there, as advice and what-if questions name it. */
export interface IndexWish {
  collection: string;
  fields: string[];
  /** Only documents that are not deleted. */
  living: boolean;
}

/** What a sample says of some fields of a collection. */
export interface FieldStatistics {
  documents: number;
  sampled: number;
  /** Of one document, bytes. */
  documentBytes: number;
  /**
   * Chance that two documents have the same value in the first field, in the first two, and so on: of so large a share of
   * all documents a look-up by them finds.
   */
  selectivity: number[];
  /** Of one entry, bytes: mean and largest. */
  entryBytes: { mean: number; largest: number };
  /** The field with the largest value, and how large. */
  largestField: string;
  /** What an index would take, bytes and ms of building; free room on the disk, bytes. */
  indexBytes: number;
  buildMs: number;
  freeBytes: number;
  /** What one write would take longer, µs. */
  writeCost: number;
}

export interface IndexBuilt {
  name: string;
  /** False: there was one that serves as well. */
  made: boolean;
  /** How long other writers were kept waiting at most, ms. */
  blocked: number;
  bytes: number;
}

export interface IndexDropped {
  name: string;
  /** False: it was not there. */
  dropped: boolean;
}

/** Timed runs of a shape since the store was opened. */
export interface ShapeRuns {
  count: number;
  /** µs */
  sum: number;
  buckets: Buckets;
}
