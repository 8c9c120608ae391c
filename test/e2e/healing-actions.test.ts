import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { AzoraAutoHealer } from "../../sdk/auto-healer.ts";
import { TestOrganism } from "../support/organism.ts";

const examples = join(import.meta.dirname, "../../examples/healing");

let organism: TestOrganism;
let guest: ServiceBroker;
beforeAll(async () => {
  organism = await TestOrganism.create({
    AZORA_HEALING_PLUGINS: join(examples, "plugins"),
    // A caller that spares the library asks it again after a second, not after six: the failures are the same, but sooner there.
    AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: "10000",
  });
  await organism.up(examples);
  guest = await organism.join();
  await guest.waitForServices(["library"], 15_000, 50);
}, 60_000);
afterAll(() => organism.down(), 60_000);

test("the healer is healthy, and lists what is built in, what a service offers and what a file brings", async () => {
  expect(await organism.get("/health/auto-healer")).toMatchObject({
    status: "healthy",
    checks: { plugins: "1 plug-in" },
  });
  const { code, out } = await organism.cli("heal", "--list");
  expect(code).toBe(0);
  expect(out).toMatch(/restart +built-in/);
  expect(out).toMatch(/data-repair +library/);
  expect(out).toMatch(/sweep +plug-in/);
});

test("a program heals through the SDK, and sees what was done", async () => {
  const healer = new AzoraAutoHealer({ url: `http://127.0.0.1:${organism.port}`, token: organism.token });
  await healer.initialize();
  const request = {
    id: "restart-library",
    service: "library",
    actionType: "restart",
    priority: "high",
    parameters: { force: true },
    timeout: 30000,
  } as const;
  const result = await healer.executeHealingAction(request);
  expect(result).toMatchObject({
    id: "restart-library",
    success: true,
    observed: { after: expect.stringContaining("life 2") },
  });
  expect(await healer.executeHealingAction(request)).toEqual(result);
  expect(await healer.getRecentHealingActions(1)).toMatchObject([
    { id: "restart-library", action: "restart", by: "operator" },
  ]);
  await healer.shutdown();
});

test("a plug-in's action runs, with its parameters checked", async () => {
  const folder = join(organism.folder, "uploads");
  mkdirSync(folder);
  writeFileSync(join(folder, "old.txt"), "x");
  utimesSync(join(folder, "old.txt"), 0, 0);
  const swept = await organism.cli("heal", "library", "sweep", "--set", `folder=${folder}`, "--json");
  expect(JSON.parse(swept.out)).toMatchObject({
    success: true,
    observed: { before: expect.stringContaining("1 old files"), after: expect.stringContaining("0 old files") },
    reason: "1 files were removed",
  });
  const wrong = await organism.cli("heal", "library", "sweep", "--force", "--set", "rooms=1");
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("parameters.folder is required")]);
});

test.each([
  ["auto-healer", /cannot see the end of its own restart; "azora restart auto-healer" has the orchestrator do it/],
  ["master-orchestrator", /cannot carry one out on itself; the spine restarts it/],
  ["nervous-1", /cannot carry one out on itself; the spine restarts it/],
  ["librari", /did you mean library\?/],
])("restarting %s is refused with the reason", async (target, reason) => {
  const { code, err } = await organism.cli("heal", target, "restart");
  expect([code, err]).toEqual([1, expect.stringMatching(reason)]);
});

test("a service whose calls fail is repaired by its own action, and the story of it is told", async () => {
  await guest.call("library.add", { id: "1", title: "Emma" });
  await guest.call("library.lose", { id: "1" });
  const calling = setInterval(() => void guest.call("library.find", { title: "Emma" }).catch(() => {}), 50);
  const cases = () => organism.get<{ outcome: string }[]>("/orchestrator/heal/cases?service=library&failure=erroring");
  try {
    for (const end = Date.now() + 40_000; (await cases())[0]?.outcome !== "healed"; ) {
      if (Date.now() > end) throw new Error(`not healed within 40 s: ${JSON.stringify(await cases())}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    clearInterval(calling);
  }
  const { out } = await organism.cli("why", "library");
  expect(out).toMatch(
    /library on muscles-1 was erroring: all \d+ calls of library\.find in the last .* failed \(`Error: the index names book 1/,
  );
  // The only one where a restart does not fit, such as after one that a slow machine gave cause for.
  expect(out).toMatch(
    /Data-repair was chosen: the service offers it for this failure; the (cheapest|only one) that fits \(about 50 ms\)\./,
  );
  expect(out).toContain("(seen: 0 strays in the index)");
}, 60_000);
