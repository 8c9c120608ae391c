import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ExportCheck, exportEnd, exportHead, exportLine, parseExportHead } from "../../../tlog/export-file.ts";
import { generateKey, parseVkey, signerOf, type Verifier } from "../../../tlog/keys.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { inclusionProof } from "../../../tlog/proofs.ts";
import { ChainLog, ordinaryEntry } from "../../support/chain-log.ts";

const SIZE = 700;
let folder: string;
let log: ChainLog;
let lines: string[];
let verifiers: Verifier[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-export-"));
  log = new ChainLog(folder);
  for (let n = 0; n < SIZE; n++) log.add(ordinaryEntry(n));
  const checkpoint = log.publish();
  const reader = new LogReader(folder);
  verifiers = [log.signer.verifier];
  lines = [exportHead({ checkpoint, keys: [log.signer.verifier.vkey], query: { eventType: "user." } })];
  for (const index of [3, 255, 256, 699])
    lines.push(exportLine(reader.leaf(index), inclusionProof(index, SIZE, reader.node)));
  lines.push(exportEnd(4));
});
afterAll(() => rmSync(folder, { recursive: true }));

function checked(given: readonly string[], keys = verifiers): number[] {
  const check = new ExportCheck(parseExportHead(given[0]!), keys);
  const found = given.slice(1).map((line) => check.line(line)?.entry.index);
  check.finish();
  return found.filter((index) => index !== undefined);
}

test("an export holds each entry with its proof, and verifies with the keys that stand in it", () => {
  expect(checked(lines)).toEqual([3, 255, 256, 699]);
  expect(checked(lines, parseExportHead(lines[0]!).keys.map(parseVkey))).toEqual([3, 255, 256, 699]);
});

describe("an export is refused", () => {
  const altered: [string, (line: string[]) => string[], RegExp][] = [
    [
      "with another word in an entry",
      (all) => all.with(2, all[2]!.replace("hay", "hey")),
      /does not lead from entry 255/,
    ],
    [
      "with another index",
      (all) => all.with(1, all[1]!.replace('"index":3', '"index":4')),
      /does not lead from entry 4/,
    ],
    ["with a proof cut off", (all) => all.with(1, all[1]!.replace(/,"[^"]+"\]\}$/, "]}")), /does not lead/],
    ["without its last line", (all) => all.slice(0, -1), /ends after 4 entries/],
    ["with an entry missing", (all) => all.toSpliced(2, 1), /says that there are 4 entries, but there are 3/],
    ["with a line behind the end", (all) => [...all, all[1]!], /stands behind the end/],
    ["with a line that is no JSON", (all) => all.with(1, "x"), /no JSON/],
    ["with a line that is something else", (all) => all.with(1, '{"entry":{}}'), /an entry and its proof/],
    ["with another size in its checkpoint", (all) => all.with(0, all[0]!.replace("700", "701")), /does not hold/],
    ["of another format", (all) => all.with(0, all[0]!.replace("export/1", "export/9")), /not of the format/],
  ];
  test.each(altered)("%s", (_, alter, why) => {
    expect(() => checked(alter([...lines]))).toThrow(why);
  });

  test("by who does not know the key", () => {
    const stranger = signerOf(log.origin, generateKey("ed25519")).verifier;
    expect(() => checked(lines, [stranger])).toThrow("No known key");
  });

  test("that a key with another name than the log's has signed", () => {
    const other = new ChainLog(join(folder, "other"), { origin: "a", signer: signerOf("b", generateKey("ed25519")) });
    other.add(ordinaryEntry(0));
    const head = exportHead({ checkpoint: other.publish(), keys: [], query: {} });
    expect(() => checked([head], [other.signer.verifier])).toThrow("No known key of the log a has signed");
  });
});
