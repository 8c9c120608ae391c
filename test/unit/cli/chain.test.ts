import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { UsageError } from "../../../cli/command.ts";
import { entryLine, entryTable, type ShownEntry } from "../../../cli/commands/chain/entries.ts";
import { filterOf } from "../../../cli/commands/chain/entry-filter.ts";
import { formatOfFile } from "../../../cli/commands/chain/verify-file.ts";
import { exportHead } from "../../../tlog/export-file.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const filter = (options: Record<string, string>) => Object.fromEntries(filterOf(options, NOW));

describe("a filter", () => {
  test("goes to the API by its names there", () => {
    const given = { type: "user.", subject: "ann", actor: "ben", request: "r-1", block: "7", text: "a b" };
    expect(filter(given)).toEqual({
      eventType: "user.",
      subject: "ann",
      actor: "ben",
      requestId: "r-1",
      block: "7",
      text: "a b",
    });
    expect(filter({})).toEqual({});
  });

  test.each([
    ["2026-11-20", "2026-11-20T00:00:00.000Z"],
    ["2026-11-20T11:40:00+01:00", "2026-11-20T10:40:00.000Z"],
    ["90s", "2026-11-20T11:58:30.000Z"],
    ["10m", "2026-11-20T11:50:00.000Z"],
    ["2h", "2026-11-20T10:00:00.000Z"],
    ["1d", "2026-11-19T12:00:00.000Z"],
  ])("takes the time %s", (text, from) => {
    expect(filter({ from: text })).toEqual({ from });
  });

  test.each([{ from: "yesterday" }, { to: "20.11.2026" }, { to: "2026-13-41" }, { block: "-1" }, { block: "x" }])(
    "refuses %j",
    (options) => {
      expect(() => filter(options as unknown as Record<string, string>)).toThrow(UsageError);
    },
  );
});

describe("an entry", () => {
  const entry: ShownEntry = {
    actor: "ann",
    data: { payload: { name: "Ben" }, source: { node: "heart-1" } },
    eventType: "user.created",
    hash: "",
    id: "",
    index: 1234,
    previousHash: "",
    state: "durable",
    timestamp: "2026-11-20T12:00:00.123Z",
    validator: "immune-1",
  };
  const plain = (text: string) => stripVTControlCharacters(text);

  test("is a line of what it says", () => {
    expect(plain(entryLine(entry))).toBe('12:00:00.123 1234 user.created by ann {"name":"Ben"}');
    expect(plain(entryLine({ ...entry, subject: "s", personal: "erased" }))).toBe(
      "12:00:00.123 1234 user.created by ann about s erased: its key was destroyed",
    );
  });

  test("is a row of a table, with plain words for what the organism says of itself", () => {
    const payload = { id: "heart-1", status: "down", why: "it was killed" };
    const { actor: _, ...rest } = { ...entry, eventType: "organism.node", data: { payload } };
    expect(
      plain(entryTable([rest]))
        .split("\n")
        .map((row) => row.split(/ {2,}/).slice(-4)),
    ).toEqual([
      ["type", "by", "about", "says"],
      ["organism.node", "-", "-", "heart-1 is down: it was killed"],
    ]);
  });
});

test("a file is known by its first bytes, however long its checkpoint", () => {
  const head = exportHead({ checkpoint: "x".repeat(20_000), keys: [], query: {} });
  expect(formatOfFile(head.slice(0, 100))).toBe("azora-export/1");
  expect(formatOfFile('{\n "format": "azora-incident/1",')).toBe("azora-incident/1");
  expect(["", "{}", '{"format":"other/1"', "c2sp.org/tlog-proof@v1"].map(formatOfFile)).toEqual(
    Array(4).fill(undefined),
  );
});
