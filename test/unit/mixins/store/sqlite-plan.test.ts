import { expect, test } from "@jest/globals";
import { counting } from "../../../../mixins/store/queries/measured-statement.ts";
import { readPlan } from "../../../../mixins/store/queries/sqlite-plan.ts";

test.each<[string, string[], object]>([
  ["a scan", ["SCAN docs_books USING INDEX sqlite_autoindex_docs_books_1"], { access: "scan", indexes: [] }],
  [
    "a scan in the order of an index",
    ["SCAN docs_books USING INDEX books_title"],
    { access: "scan", indexes: ["books_title"] },
  ],
  [
    "a look-up by the id",
    ["SEARCH docs_books USING INDEX sqlite_autoindex_docs_books_1 (_id=?)"],
    { access: "id", indexes: [] },
  ],
  [
    "a look-up, sorted afterwards",
    ["SEARCH docs_books USING INDEX books_title (<expr>=?)", "USE TEMP B-TREE FOR ORDER BY"],
    { access: "index", indexes: ["books_title"], sorts: true },
  ],
  [
    "an order of which only equal values are sorted",
    ["SEARCH docs_books USING INDEX books_title (<expr>>?)", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"],
    { access: "index", sorts: false },
  ],
  [
    "alternatives",
    [
      "MULTI-INDEX OR",
      "INDEX 1",
      "SEARCH docs_books USING INDEX books_title (<expr>=?)",
      "INDEX 2",
      "SEARCH docs_books USING COVERING INDEX books_isbn (<expr>=?)",
    ],
    { access: "index", indexes: ["books_title", "books_isbn"] },
  ],
  [
    "alternatives looked for apart",
    [
      "SEARCH docs_books USING INTEGER PRIMARY KEY (rowid=?)",
      "LIST SUBQUERY 3",
      "SEARCH docs_books USING INDEX books_title (<expr><?)",
    ],
    { access: "index", indexes: ["books_title"] },
  ],
  [
    "a list as one parameter",
    [
      "SEARCH docs_books USING INDEX books_title (<expr>=?)",
      "LIST SUBQUERY 1",
      "SCAN json_each VIRTUAL TABLE INDEX 1:",
    ],
    { access: "index", indexes: ["books_title"] },
  ],
])("%s", (_, steps, facts) => {
  expect(readPlan(steps, "docs_books")).toMatchObject({ sorts: false, ...facts, steps });
});

test("documents are counted where they are looked for: outside, or in each alternative that is looked for apart", () => {
  expect(counting("SELECT doc FROM t WHERE a = ? ORDER BY _id")).toBe(
    "SELECT doc FROM t WHERE likelihood(azora_seen(), 1.0) AND a = ? ORDER BY _id",
  );
  const apart = "SELECT doc FROM t WHERE rowid IN (SELECT rowid FROM t WHERE a UNION ALL SELECT rowid FROM t WHERE b)";
  expect(counting(apart).match(/azora_seen/g)).toHaveLength(2);
  expect(counting(apart)).toContain("WHERE rowid IN (SELECT rowid FROM t WHERE likelihood");
});
