import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ExportCheck, exportEnd, parseExportHead } from "../../../tlog/export-file.ts";
import { type IncidentFile, verifyIncident } from "../../../tlog/incident/incident-file.ts";
import { parseVkey, type Verifier } from "../../../tlog/keys.ts";
import { verifyBundle } from "../../../tlog/proof-bundle.ts";
import { splitBundle, tilePath } from "../../../tlog/tiles.ts";
import { ServedChain } from "./served-chain.ts";

let chain: ServedChain;
let entry: { id: string; index: number };

beforeAll(async () => {
  chain = await ServedChain.start();
  for (let n = 0; n < 300; n++) await chain.call("log", { eventType: "shop.sold", data: { number: n } });
  const source = { node: "heart-1", service: "ledger", requestId: "r-1" };
  entry = await chain.call("log", { eventType: "mint.sent", data: { payload: {}, source }, waitFor: "checkpointed" });
});
afterAll(() => chain.stop());

/** Asked for anew each time: the tests rotate them too. */
async function verifiers(): Promise<Verifier[]> {
  const { vkeys } = await chain.call<{ vkeys: string }>("keys");
  return vkeys.trim().split("\n").map(parseVkey);
}

const OPEN = [
  "checkpoint",
  "keys",
  "blocks",
  "blocks/0",
  "consistency?from=1",
  "proofs/3",
  "log/checkpoint",
  "log/keys",
  "log/tile/0/000",
];
const CONTENTS = [
  "entries",
  "entries/at/3",
  "entries/at/3/proof",
  "export",
  "incidents/r-1",
  "stats",
  "log/tile/entries/000",
];

describe.each(["gateway", "orchestrator"] as const)("the chain on the %s", (server) => {
  const ask = (path: string, init: RequestInit = {}, token = "") =>
    fetch(`${chain[server]}/api/chain/${path}`, {
      ...init,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), "content-type": "application/json" },
    });
  const get = async <T>(path: string) => (await ask(path, {}, chain.token)).json() as Promise<T>;
  const post = (path: string, body: object, token = "") =>
    ask(path, { method: "POST", body: JSON.stringify(body) }, token);

  test.each(OPEN)("gives %s to everybody", async (path) => {
    expect((await ask(path)).status).toBe(200);
  });

  test.each([...CONTENTS, `entries/${"0".repeat(8)}`])(
    "keeps what entries say for the operator, on the gateway: %s",
    async (path) => {
      const { status } = await ask(path);
      expect(status === 401).toBe(server === "gateway");
      expect((await ask(path, {}, "a-wrong-token-of-some-length")).status === 401).toBe(server === "gateway");
    },
  );

  test.each(CONTENTS)("gives %s to the operator", async (path) => {
    expect((await ask(path, {}, chain.token)).status).toBe(200);
  });

  test.each([
    ["entries", { eventType: "a", data: {} }],
    ["keys/rotate", {}],
    ["keys/revoke", { keyId: "00000000", reason: "lost" }],
    ["erase", { subject: "ann" }],
    ["prune", { before: 0 }],
    ["begin-anew", { reason: "none" }],
  ])("changes nothing without the token: %s", async (path, body) => {
    expect((await post(path, body)).status).toBe(401);
    expect((await post(path, body, chain.token)).status).not.toBe(401);
  });

  test("finds an entry by its id, by its index and by what it is about", async () => {
    const [byId, byIndex, found] = await Promise.all([
      get<object>(`entries/${entry.id}`),
      get<object>(`entries/at/${entry.index}`),
      get<{ entries: object[] }>("entries?eventType=mint.&limit=5&order=desc"),
    ]);
    expect(byId).toMatchObject({ eventType: "mint.sent", index: entry.index, state: expect.any(String) });
    expect(byIndex).toEqual(byId);
    expect(found.entries).toEqual([byId]);
  });

  test("writes an entry once for each idempotency key", async () => {
    const body = { eventType: "shop.opened", data: { by: server }, idempotencyKey: `over ${server}` };
    const first = (await (await post("entries", body, chain.token)).json()) as { id: string };
    expect(await (await post("entries", body, chain.token)).json()).toMatchObject({ id: first.id, duplicate: true });
  });

  test("gives a proof that verifies alone, and one without the entry to everybody", async () => {
    const { bundle } = await get<{ bundle: string }>(`entries/${entry.id}/proof`);
    expect(verifyBundle(bundle, await verifiers()).entry.id).toBe(entry.id);
    const open = (await (await ask(`proofs/${entry.index}`)).json()) as object;
    expect(Object.keys(open).sort()).toEqual(["checkpoint", "index", "proof", "size"]);
  });

  test("serves the log's files as they are", async () => {
    const log = join(chain.folder, "chain/log");
    const tile = await ask("log/tile/0/000");
    expect(Buffer.from(await tile.arrayBuffer())).toEqual(readFileSync(join(log, tilePath(0, 0))));
    expect(tile.headers.get("content-type")).toBe("application/octet-stream");
    expect(tile.headers.get("cache-control")).toContain("immutable");
    const bundle = await ask("log/tile/entries/000", {}, chain.token);
    expect(splitBundle(Buffer.from(await bundle.arrayBuffer()))).toHaveLength(256);
    expect(bundle.headers.get("cache-control")).toBe("no-store");
    const checkpoint = await ask("log/checkpoint");
    expect(await checkpoint.text()).toMatch(/^azora\.[^\n]*\n\d+\n/);
    expect(checkpoint.headers.get("cache-control")).toBe("no-cache");
  });

  test.each([
    "log/tile/0/999",
    "log/index.sqlite",
    "log/..%2f..%2fkeys%2fsigned.json",
    "log/tile/entries%2f000",
    "log/tile/00/000",
  ])("has no %s", async (path) => {
    expect((await ask(path, {}, chain.token)).status).toBe(404);
  });

  test("exports page by page what verifies as one file, though the log grows meanwhile", async () => {
    const lines: string[] = [];
    const search = new URLSearchParams({ eventType: "shop.sold", limit: "120" });
    for (;;) {
      const page = await get<{ lines: string[]; size: number; next?: string }>(`export?${search}`);
      lines.push(...page.lines);
      if (page.next === undefined) break;
      search.set("size", String(page.size));
      search.set("after", page.next);
      await chain.call("log", { eventType: "shop.sold.later", data: {}, waitFor: "checkpointed" });
    }
    const check = new ExportCheck(parseExportHead(lines[0]!), await verifiers());
    for (const line of [...lines.slice(1), exportEnd(300)]) check.line(line);
    check.finish();
    expect(check.entries).toBe(300);
  });

  test("tells the story of a request as a file that verifies", async () => {
    const file = await get<IncidentFile>("incidents/r-1");
    const { story } = verifyIncident(file, await verifiers());
    expect(story).toMatchObject([{ index: entry.index, words: "mint.sent in ledger on heart-1: {}" }]);
    expect(await (await ask("incidents/nobody", {}, chain.token)).json()).toMatchObject({ code: "NOT_FOUND" });
  });

  test("names a wrong field", async () => {
    const answer = await get<{ code: string; errors: { field: string }[] }>("entries?limit=5000&what=x");
    expect(answer).toMatchObject({ code: "VALIDATION_ERROR" });
    expect(answer.errors.map(({ field }) => field).sort()).toEqual(["limit", "what"]);
  });
});

test("the gateway's document says which routes need the token", async () => {
  const { paths } = (await (await fetch(`${chain.gateway}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: object[] }>>;
  };
  expect(paths["/api/chain/entries"]!["get"]!.security).toEqual([{ operator: [] }]);
  expect(paths["/api/chain/checkpoint"]!["get"]!.security).toBeUndefined();
});
