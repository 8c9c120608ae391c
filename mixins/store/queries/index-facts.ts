import type { Model } from "../../../models/model.ts";
import type { IndexFacts, IndexWish, ShapeFacts } from "../../../models/query-facts.ts";
import { compileModel } from "../compiled-model.ts";
import type { DatabaseFile } from "../database-file.ts";
import { ADVISED_PREFIX, noted } from "./advised-indexes.ts";

/** The indexes that a file has now, of the models and by advice, and how many runs of the shapes use them. */
export function indexFacts(file: DatabaseFile, models: readonly Model[], shapes: readonly ShapeFacts[]): IndexFacts[] {
  const rows = file.all("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL") as {
    name: string;
  }[];
  const existing = new Set(rows.map(({ name }) => name));
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
  const declared = models.flatMap((model) =>
    compileModel(model).indexes.map(({ name, fields, unique = false }) =>
      facts(name, { collection: model.name, fields: [...fields], living: unique }, unique),
    ),
  );
  const advised = noted(file, "index").map(({ name, detail }) => facts(name, JSON.parse(detail) as IndexWish, false));
  return [...declared, ...advised].filter(({ name }) => existing.has(name));
}
