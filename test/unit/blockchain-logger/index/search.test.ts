import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ID_SQL } from "../../../../services/immune/blockchain-logger/index/index-file.ts";
import { IndexFollower } from "../../../../services/immune/blockchain-logger/index/index-follower.ts";
import { fits, type Page, type QueryParams } from "../../../../services/immune/blockchain-logger/index/query-params.ts";
import { search, TIME_SQL } from "../../../../services/immune/blockchain-logger/index/search.ts";
import { type Column, postingsSql } from "../../../../services/immune/blockchain-logger/index/sql-postings.ts";
import type { LeafEntry } from "../../../../tlog/entry.ts";
import { ChainLog, ordinaryEntry } from "../../../support/chain-log.ts";

const SIZE = 1500;
let folder: string;
let log: ChainLog;
let follower: IndexFollower;
const entries: LeafEntry[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-search-"));
  log = new ChainLog(join(folder, "log"), { blockSize: 100 });
  for (let n = 0; n < SIZE; n++) entries.push(log.add(ordinaryEntry(n)));
  log.publish();
  const file = join(folder, "index.sqlite");
  follower = new IndexFollower({ file, logFolder: log.folder, onRebuild: () => {} });
  while (follower.step(SIZE));
});
afterAll(() => {
  follower.close();
  rmSync(folder, { recursive: true });
});

function find(params: QueryParams, size = SIZE): Page {
  const work = search({ index: follower.index, reader: follower.reader, folder: log.folder, size }, params);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** All pages. */
function findAll(params: QueryParams): number[] {
  const found: number[] = [];
  for (let page = find(params); ; page = find({ ...params, after: page.next })) {
    found.push(...page.indexes);
    if (page.next === undefined) return found;
  }
}

const maybe = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const at = (n: number) => new Date(Date.parse("2026-11-20T12:00:00Z") + n).toISOString();
const subject = (n: number) => `subject:${String(n).padStart(32, "0")}`;

const anyQuery: fc.Arbitrary<QueryParams> = fc.record({
  eventType: maybe("user.", "user.created", "security.login", "health.", "nothing.like.it"),
  from: maybe(at(0), at(1234), at(7000), at(14_985), at(20_000)),
  to: maybe(at(0), at(3000), at(9995), at(15_000)),
  subject: fc.option(
    fc.oneof(fc.constantFrom(subject(5), subject(77)), fc.constant<string[]>([subject(1), subject(6)])),
    {
      nil: undefined,
    },
  ),
  actor: maybe("operator-2", "operator-6", "nobody"),
  requestId: maybe("request-5", "request-499"),
  text: maybe("needle", "Person 14", '"number":1', "nowhere"),
  order: fc.constantFrom("asc", "desc"),
  limit: fc.integer({ min: 1, max: 40 }),
  least: maybe(0, 700),
  most: maybe(0, 900, 5000),
});

describe("a search", () => {
  test("finds what looking at every entry finds, in all pages together, in either order", () => {
    fc.assert(
      fc.property(anyQuery, (params) => {
        const naive = entries
          .filter(
            (entry) =>
              fits(entry, params) && entry.index >= (params.least ?? 0) && entry.index <= (params.most ?? SIZE),
          )
          .map(({ index }) => index);
        if (params.order === "desc") naive.reverse();
        expect(findAll(params)).toEqual(naive);
      }),
      { numRuns: 400 },
    );
  });

  test("takes the entries of one block", () => {
    const { firstIndex, lastIndex } = log.blocks[3]!;
    const { indexes } = find({ block: 3, limit: 1000 });
    expect([indexes[0], indexes.at(-1), indexes.length]).toEqual([firstIndex, lastIndex, lastIndex - firstIndex + 1]);
    expect(find({ block: 999 })).toEqual({ indexes: [] });
  });

  test("goes on where a page ended, though the log has grown meanwhile", () => {
    const before = find({ eventType: "user.", order: "desc", limit: 10 }, 1000);
    const next = find({ eventType: "user.", order: "desc", limit: 10, after: before.next! }, SIZE);
    const whole = find({ eventType: "user.", order: "desc", limit: 20 }, 1000);
    expect([...before.indexes, ...next.indexes]).toEqual(whole.indexes);
  });

  test("finds text whatever the case of its ASCII letters, with quotes as people write them or as JSON does", () => {
    const found = findAll({ text: "NEEDLE in" });
    expect(found).toEqual([7, 1007]);
    expect(findAll({ text: 'note":"A needle' })).toEqual(found);
  });

  test("takes its limit of 100 where none is given", () => {
    expect(find({}).indexes).toHaveLength(100);
  });
});

test.each([
  ...(["event_type", "subject", "actor", "request_id"] as Column[]).flatMap((column) => [
    [postingsSql(column, "asc")],
    [postingsSql(column, "desc")],
  ]),
  [ID_SQL],
  [TIME_SQL],
])("SQLite answers %s from an index, without sorting", (sql) => {
  const db = new DatabaseSync(join(folder, "index.sqlite"), { readOnly: true });
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
  db.close();
  expect(plan).toHaveLength(1);
  expect(plan[0]!.detail).toMatch(/USING (COVERING INDEX entries_by_|INTEGER PRIMARY KEY)/);
});
