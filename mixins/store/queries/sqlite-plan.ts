import type { PlanFacts } from "../../../models/query-facts.ts";

/** Of the index that SQLite makes for `_id`. */
const PRIMARY = /^sqlite_autoindex_/;

/**
 * Reads what `EXPLAIN QUERY PLAN` says of one table:
 *
 * `SEARCH docs_books USING INDEX books_title (<expr>=?)`, `USE TEMP B-TREE FOR ORDER BY`
 *  → `{access: "index", indexes: ["books_title"], sorts: true, …}`
 */
export function readPlan(steps: readonly string[], table: string): PlanFacts {
  const indexes = new Set<string>();
  let searches = false;
  let byId = false;
  let scans = false;
  for (const step of steps) {
    const [, verb, target, index] = /^(SEARCH|SCAN) (\S+)(?: USING (?:COVERING )?INDEX (\S+))?/.exec(step) ?? [];
    if (target !== table) continue;
    const primary = index !== undefined && PRIMARY.test(index);
    if (index !== undefined && !primary) indexes.add(index);
    if (verb === "SCAN") scans = true;
    else if (primary || step.includes("INTEGER PRIMARY KEY")) byId = true;
    else searches = true;
  }
  return {
    access: scans ? "scan" : searches ? "index" : byId ? "id" : "none",
    indexes: [...indexes],
    sorts: steps.some((step) => step.startsWith("USE TEMP B-TREE FOR ORDER BY")),
    steps: [...steps],
  };
}
