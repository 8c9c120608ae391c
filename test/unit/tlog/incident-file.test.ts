import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseLeaf } from "../../../tlog/entry.ts";
import {
  INCIDENT_FORMAT,
  type IncidentFile,
  parseIncident,
  storyLine,
  verifyIncident,
} from "../../../tlog/incident/incident-file.ts";
import { sayEntry } from "../../../tlog/incident/words.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { formatProof } from "../../../tlog/proof-bundle.ts";
import { inclusionProof } from "../../../tlog/proofs.ts";
import { ChainLog, ordinaryEntry } from "../../support/chain-log.ts";

let folder: string;
let log: ChainLog;
let file: IncidentFile;
let add: (index: number, because: string) => { line: IncidentFile["story"][number]; bundle: string };

const source = (node: string, service?: string, requestId?: string) => ({
  node,
  epoch: 1,
  seq: 1,
  instance: "i",
  ...(service ? { service } : {}),
  ...(requestId ? { requestId } : {}),
});

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-incident-"));
  log = new ChainLog(folder);
  for (let n = 0; n < 300; n++) log.add(ordinaryEntry(n));
  log.add({
    eventType: "mint.sent",
    actor: "ann",
    data: { payload: { cents: 5 }, source: source("heart-1", "ledger", "r-1") },
  });
  const target = { service: "ledger", node: "heart-1" };
  const failure = { failure: "crashed", action: "restart", reason: "it has ended" };
  const decided = {
    eventType: "healing.decided",
    data: { payload: { id: "d1", case: "c1", target, ...failure }, source: source("nervous-1") },
  };
  log.add(decided);
  const seen = { success: true, duration: 12, reason: "it was seen" };
  log.add({
    ...decided,
    eventType: "healing.recorded",
    data: { payload: { case: "c1", target: { node: "heart-7" }, action: "restart", ...seen } },
  });
  const checkpoint = log.publish();
  const reader = new LogReader(folder);
  add = (index, because) => {
    const extra = reader.leaf(index);
    const proof = inclusionProof(index, log.size, reader.node);
    return { line: storyLine(parseLeaf(extra), because), bundle: formatProof({ index, proof, checkpoint, extra }) };
  };
  const told = [
    add(300, "it carries the request"),
    add(301, "it is about ledger, which the request went through"),
    add(302, "it belongs to a decision that is told here"),
  ];
  file = {
    format: INCIDENT_FORMAT,
    requestId: "r-1",
    origin: log.origin,
    made: "2026-11-20T12:00:00.000Z",
    checkpoint,
    keys: [log.signer.verifier.vkey],
    story: told.map(({ line }) => line),
    proofs: told.map(({ bundle }) => bundle),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

const verified = (given: IncidentFile) => verifyIncident(parseIncident(JSON.stringify(given)), [log.signer.verifier]);

test("an incident tells in plain words what was and what was decided, and verifies offline", () => {
  const { requestId, story } = verified(file);
  expect(requestId).toBe("r-1");
  expect(story.map(({ words }) => words)).toEqual([
    'mint.sent by ann in ledger on heart-1: {"cents":5}',
    "to heal ledger on heart-1, which was crashed, restart was decided: it has ended",
    "restart of heart-7 helped after 12 ms: it was seen",
  ]);
});

describe("an incident is refused", () => {
  const line = (i: number, change: object): Partial<IncidentFile> => ({
    story: file.story.with(i, { ...file.story[i]!, ...change }),
  });
  const altered: [string, () => Partial<IncidentFile>, RegExp][] = [
    [
      "with other words",
      () => line(0, { words: "nothing happened" }),
      /line 1 of the story says "nothing happened", but/,
    ],
    ["with another time", () => line(1, { at: "2026-11-20T11:00:00.000Z" }), /line 2 of the story says/],
    [
      "with another reason",
      () => line(2, { because: "it carries the request" }),
      /line 3 of the story says "it carries/,
    ],
    ["with another request", () => ({ requestId: "r-2" }), /line 1 of the story has nothing to do with the request/],
    ["with a proof less", () => ({ proofs: file.proofs.slice(1) }), /one proof for each line/],
    ["with another origin", () => ({ origin: "elsewhere" }), /says that it is of elsewhere/],
    ["of another format", () => ({ format: "x" as never }), /not of the format/],
    ["with the proof of another entry", () => ({ proofs: file.proofs.with(0, file.proofs[1]!) }), /stands behind|says/],
    [
      "with an altered proof",
      () => ({ proofs: file.proofs.with(1, file.proofs[1]!.replace("index 301", "index 300")) }),
      /line 2 of the story: /,
    ],
    ["with an entry of somebody else", () => foreign(), /line 1 of the story has nothing to do with the request/],
    [
      "in another order",
      () => ({ story: file.story.toReversed(), proofs: file.proofs.toReversed() }),
      /line 2 of the story stands behind/,
    ],
  ];
  function foreign(): Partial<IncidentFile> {
    const { line: other, bundle } = add(4, "it carries the request");
    return { story: [other, ...file.story], proofs: [bundle, ...file.proofs] };
  }
  test.each(altered)("%s", (_, change, why) => {
    expect(() => verified({ ...file, ...change() })).toThrow(why);
  });

  test.each(["", "null", "[]", "{}", '{"format":"azora-incident/1"}'])("that is %j", (text) => {
    expect(() => parseIncident(text)).toThrow(/^(is no|is not|must have)/);
  });
});

test("words are bounded, and say that personal data is sealed", () => {
  const leaf = { id: "x", index: 0, previousHash: "", timestamp: "", validator: "immune-1", eventType: "user.noted" };
  expect(sayEntry({ ...leaf, data: { text: "x".repeat(1000) } })).toHaveLength(300);
  expect(sayEntry({ ...leaf, subject: "subject:1", data: { sealed: {} } })).toBe(
    "user.noted about subject:1; its personal data is sealed",
  );
});
