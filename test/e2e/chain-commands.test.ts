import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { TestOrganism } from "../support/organism.ts";

jest.setTimeout(60_000);

describe("azora chain", () => {
  let organism: TestOrganism;
  const chain = (...args: string[]) => organism.cli("chain", ...args);
  const json = async (...args: string[]) => JSON.parse((await chain(...args, "--json")).out);
  const file = (name: string) => join(organism.folder, name);

  beforeAll(async () => {
    organism = await TestOrganism.create();
    const { code, err } = await organism.cli("up", "-d");
    expect({ code, err }).toMatchObject({ code: 0 });
  });
  afterAll(() => organism?.down());

  test("writes an entry, once for each key, and finds and shows it", async () => {
    const first = await chain(
      "log",
      "shop.opened",
      '{"till":1,"note":"say \\"hi\\""}',
      "--actor",
      "ann",
      "--key",
      "k1",
    );
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^entry \d+ [\da-f-]{36} is durable\n$/) });
    const { id, index, duplicate } = await json(
      "log",
      "shop.opened",
      '{"till":1,"note":"say \\"hi\\""}',
      "--key",
      "k1",
    );
    expect(duplicate).toBe(true);
    const { entries } = await json("query", "--type", "shop.", "--actor", "ann", "--text", 'SAY "hi', "--from", "10m");
    expect(entries).toMatchObject([{ id, index, data: { till: 1 } }]);
    expect((await chain("show", id)).out).toMatch(/^entry \d+ {2}shop\.opened by ann: \{"note":/);
    expect((await chain("show", "block", "0")).out).toMatch(/^block 0\n {2}entries +\d+, from 0 to \d+\n/);
    expect((await chain("tail", "-n", "5", "--type", "shop.opened")).out).toContain("shop.opened by ann");
  });

  test("tells the story of a request, with proofs that hold without the organism", async () => {
    const answer = await fetch(`http://127.0.0.1:${organism.gatewayPort}/api/users`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": "request-1" },
      body: JSON.stringify({ email: "ann@example.org", displayName: "Ann" }),
    });
    expect(answer.ok).toBe(true);
    // The event is on its way from the outbox of the node that emitted it.
    for (let look = 0; look < 20 && (await chain("incident", "request-1")).code !== 0; look++);
    const told = await chain("incident", "request-1", file("story.json"));
    expect(told.out).toContain("user.created about subject:");
    expect(readFileSync(file("story.json"), "utf8")).not.toContain("ann@example.org");
    expect((await chain("export", file("all.ndjson"))).code).toBe(0);
    expect((await chain("proof", "0", file("first.tlog-proof"))).code).toBe(0);
    for (const name of ["story.json", "all.ndjson", "first.tlog-proof"])
      expect(await chain("verify", file(name))).toMatchObject({ code: 0, out: expect.stringContaining("✔") });
    writeFileSync(file("forged.ndjson"), readFileSync(file("all.ndjson"), "utf8").replace('"till":1', '"till":7'));
    expect(await chain("verify", file("forged.ndjson"))).toMatchObject({
      code: 1,
      out: expect.stringMatching(/✖ line \d+: The proof does not lead from entry/),
    });
    expect(await chain("export", file("all.ndjson"))).toMatchObject({
      code: 1,
      err: expect.stringContaining("is there already"),
    });
  });

  test("changes keys, erases a person and says so in the log", async () => {
    await chain("log", "user.noted", '{"email":"ben@example.org"}', "--subject", "ben");
    expect((await chain("query", "--subject", "ben")).out).toContain("ben@example.org");
    const read = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${organism.port}/api/chain/entries?eventType=user.noted`, { headers }).then((answer) =>
        answer.text(),
      );
    expect(await read({ authorization: `Bearer ${organism.token}` })).toContain('"personal":"readable"');
    const unopened = await read({});
    expect(unopened).toContain('"personal":"sealed"');
    expect(unopened).not.toContain('"ben');
    const byName = await fetch(`http://127.0.0.1:${organism.port}/api/chain/entries?subject=ben`);
    expect(byName.status).toBe(401);
    expect(await chain("erase", "ben", "asked for it")).toMatchObject({ code: 0 });
    expect((await chain("query", "--subject", "ben")).out).toMatch(/^none of \d+ entries fits/);
    expect((await chain("query", "--type", "user.noted")).out).toContain("erased: its key was destroyed");
    expect(await chain("rotate", "ed25519")).toMatchObject({
      code: 0,
      out: expect.stringContaining("signs no longer"),
    });
    expect((await chain("keys")).out).toMatch(/ed25519 +retired/);
    const { entries } = await json("query", "--type", "chain.");
    expect(entries.map(({ eventType }: { eventType: string }) => eventType).slice(0, 3)).toEqual([
      "chain.key.retired",
      "chain.key.added",
      "chain.erased",
    ]);
    expect(await chain("verify", file("data/chain"))).toMatchObject({ code: 0 });
  });

  test("shows and changes what is captured", async () => {
    expect((await chain("capture", "--add", "shop.**")).out).toMatch(/shop\.\*\* +durable/);
    expect((await chain("capture", "off")).out).toContain("no event is recorded");
    expect((await chain("capture", "on")).out).not.toContain("no event is recorded");
    expect((await json("query", "--type", "chain.capture")).entries).toHaveLength(3);
  });

  test("says how it stands", async () => {
    expect(await chain("stats")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\nsigned +(all|[\d,]+ entries)/),
    });
    expect((await chain("checkpoint")).out).toMatch(/^azora\..*\n\d+\n/);
    expect((await organism.cli("chain", "accounted")).out).toContain("calls accounted for");
  });

  test.each([
    [["show", "no-id"], 2, /neither the number of an entry nor its id/],
    [["show", "99999999"], 1, /NOT_FOUND/],
    [["query", "--from", "yesterday"], 2, /--from is "yesterday", but must be a time/],
    [["query", "--limit", "0"], 2, /--limit is "0", but must be a whole number from 1 to 1000/],
    [["log", "shop.opened", "{x"], 2, /the data is no JSON/],
    [["log", "shop.opened", '{"x":1e999}'], 2, /data\.x is Infinity/],
    [["log", "chain.key.added", "{}"], 1, /CHAIN_ENTRY_INVALID/],
    [["incident", "nobody"], 1, /no entry of the log carries the request nobody/],
    [["revoke", "abc", "lost"], 2, /key id is "abc", but must be 8 hex digits/],
    [["rotate", "rot13"], 2, /algorithm is "rot13", but must be one of ed25519/],
  ])("refuses %j", async (args, code, why) => {
    expect(await chain(...args)).toMatchObject({ code, err: expect.stringMatching(why) });
  });

  test("each block comes over the stream", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${organism.port}/orchestrator/stream`);
    const block = new Promise<{ height: number; hash: string }>((resolve) => {
      socket.on("message", (text) => {
        const { type, data } = JSON.parse(String(text));
        if (type === "chain_block") resolve(data);
      });
    });
    await new Promise((resolve) => socket.once("open", resolve));
    const { id } = await json("log", "shop.closed", "{}", "--wait", "checkpointed");
    const { height, hash } = await block;
    const shown = await (await fetch(`http://127.0.0.1:${organism.port}/api/chain/blocks/${height}`)).json();
    expect(shown).toMatchObject({ height, hash });
    expect((await json("show", id)).blockHeight).toBeGreaterThanOrEqual(height);
    socket.close();
  });
});
