import { hash } from "node:crypto";
import type { IndexWish } from "../../../../models/query-facts.ts";

export const ADVICE_KINDS = [
  "missing-index",
  "rewrite",
  "redundant-index",
  "unused-index",
  "n-plus-one",
  "unbounded-find",
  "unindexable-query",
] as const;
export type AdviceKind = (typeof ADVICE_KINDS)[number];

/** What carries an advice out, in this order; each can be undone. */
export type Change =
  | { do: "create"; wish: IndexWish }
  | { do: "drop"; name: string; wish: IndexWish; origin: "model" | "advised" }
  | { do: "rewrite"; shape: string };

export interface Advice {
  /** The same for the same advice, whenever it is given. */
  id: string;
  service: string;
  kind: AdviceKind;
  /** What to do, in one sentence. */
  what: string;
  /** The figures that it rests on, a sentence each. */
  evidence: string[];
  /** Share of the service's time in queries that it spares, 0 to 1, after its cost for writes. */
  expectedGain: number;
  /** Each write takes so much longer, µs; negative where it is spared. */
  writeCost: number;
  /** Whether it can be carried out from here; else it is for whoever writes the service. */
  applicable: boolean;
  changes: Change[];
  /** Ids of the queries that become faster, and full names of the actions that ask them. */
  shapes: string[];
  actions: string[];
  /** Full names of the actions that write the collection, and so may become slower. */
  costs: string[];
}

type Fields = Omit<Advice, "id" | "applicable" | "costs"> & Partial<Pick<Advice, "costs">>;

export function advice(fields: Fields): Advice {
  const { service, kind, changes, shapes } = fields;
  const of = changes.length > 0 ? changes : shapes;
  const id = hash("sha256", JSON.stringify([service, kind, of]), "base64url").slice(0, 10);
  return { id, costs: [], ...fields, applicable: changes.length > 0 };
}

export const wishText = ({ collection, fields }: IndexWish) => `${collection} (${fields.join(", ")})`;
