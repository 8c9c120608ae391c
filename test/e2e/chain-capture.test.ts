import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBroker } from "moleculer";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

interface Entry {
  index: number;
  eventType: string;
  timestamp: string;
  subject?: string;
  data: { payload: Record<string, unknown>; source: { node: string; instance: string } };
}

const SERVICES = {
  "services/heart/greeter/greeter.service.js": `export default {
  name: "greeter",
  metadata: { audited: ["greeting.*"] },
  actions: {
    async greet(ctx) {
      await ctx.emit("user.greeted", { user: { id: ctx.params.id } });
    },
    async wave(ctx) {
      await ctx.emit("greeting.waved", { to: ctx.params.id });
    },
    health() {
      return { status: this.ill ? "unhealthy" : "healthy", checks: { throat: this.ill ? "sore" : "ok" } };
    },
    sicken() {
      this.ill = true;
    },
  },
};
`,
  "package.json": JSON.stringify({ name: "greetings", private: true, type: "module" }),
};

let organism: TestOrganism;
let guest: ServiceBroker;
beforeAll(async () => {
  organism = await TestOrganism.create();
  writeFiles(organism.folder, SERVICES);
  await organism.up(join(organism.folder, "services"));
  await organism.untilHealthy();
  guest = await organism.join();
  await guest.waitForServices(["greeter", "blockchain-logger"], 10_000, 50);
}, 90_000);
afterAll(() => organism.down(), 60_000);

async function entries(eventType: string): Promise<Entry[]> {
  const { entries } = (await guest.call("blockchain-logger.query", { eventType, limit: 1000 })) as {
    entries: Entry[];
  };
  return entries;
}

/** The chain may be away meanwhile. */
async function until(eventType: string, fits: (entries: Entry[]) => boolean): Promise<Entry[]> {
  const end = Date.now() + 20_000;
  let last: Entry[] = [];
  while (Date.now() < end) {
    last = await entries(eventType).catch(() => last);
    if (fits(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${eventType} did not come: ${JSON.stringify(last).slice(0, 2000)}\n${organism.logTail()}`);
}

test("what a service tells is in the chain, sealed for the person that it is about", async () => {
  await guest.call("greeter.greet", { id: "u1" });
  const [entry] = await until("user.greeted", (found) => found.length === 1);
  expect(entry).toMatchObject({ subject: "u1", personal: "readable", data: { payload: { user: { id: "u1" } } } });
  await guest.call("greeter.wave", { id: "u1" });
  const [waved] = await until("greeting.waved", (found) => found.length === 1);
  expect(waved).toMatchObject({ data: { payload: { to: "u1" }, source: { service: "greeter" } } });
});

test("an event on record survives the death of its node", async () => {
  const { node } = (await organism.get<{ instances: { node: string }[] }>("/orchestrator/services/greeter"))
    .instances[0]!;
  for (let n = 0; n < 20; n++) await guest.call("greeter.greet", { id: `before-${n}` });
  process.kill(await organism.pid(node), "SIGKILL");
  const found = await until("user.greeted", (all) => all.length >= 21);
  expect(found).toHaveLength(21);
  await organism.untilHealthy();
});

test("healing is on record before it is done, also when it is the chain that is healed", async () => {
  process.kill(await organism.pid("immune-1"), "SIGKILL");
  await organism.until("immune-1 is healed", ({ healing }) => healing.some(({ target }) => target.node === "immune-1"));
  const decided = await until("healing.decided", (found) => found.some(({ data }) => ofChain(data.payload)));
  const decision = decided.find(({ data }) => ofChain(data.payload))!;
  expect(decision.data).toMatchObject({
    payload: { action: "restart-process", failure: "crashed", attempt: 1, by: "ladder" },
    source: { node: "nervous-1" },
  });
  const recorded = await until("healing.recorded", (found) => found.some(({ data }) => ofChain(data.payload)));
  expect(recorded.find(({ data }) => ofChain(data.payload))!.index).toBeGreaterThan(decision.index);
}, 40_000);

const ofChain = (payload: Record<string, unknown>) => (payload["target"] as { node?: string })?.node === "immune-1";

test("of health checks only changes are on record", async () => {
  await organism.untilHealthy();
  await guest.call("greeter.sicken");
  const statuses = (found: Entry[]) => found.map(({ data }) => data.payload["status"]);
  const found = await until("health.check.greeter", (all) => statuses(all).includes("unhealthy"));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const later = statuses(await entries("health.check.greeter"));
  expect(later.filter((status, i) => status === later[i - 1])).toEqual([]);
  expect(later.length).toBeGreaterThanOrEqual(found.length);
});

test("switching capture off is itself an entry, and so is switching it on", async () => {
  await organism.untilHealthy();
  const before = (await entries("user.greeted")).length;
  expect((await organism.cli("chain", "capture", "off")).code).toBe(0);
  await until("chain.capture", (found) => found.length === 1);
  for (let n = 0; n < 5; n++) await guest.call("greeter.greet", { id: "unseen" });
  expect((await organism.cli("chain", "capture", "on")).code).toBe(0);
  await guest.call("greeter.greet", { id: "seen" });
  await until("user.greeted", (found) => found.length > before);
  expect((await entries("user.greeted")).length).toBe(before + 1);
  expect((await entries("chain.capture")).map(({ data }) => (data as never as { capture: string }).capture)).toEqual([
    "off",
    "on",
  ]);
});

test("nothing is left in the outboxes once it is delivered", async () => {
  const outbox = join(organism.env["AZORA_DATA_DIR"]!, "outbox");
  const left = () => readdirSync(outbox, { recursive: true }).filter((name) => String(name).endsWith(".outbox"));
  const end = Date.now() + 15_000;
  while (left().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  // Some node may just have something to say again.
  expect(left().length).toBeLessThanOrEqual(2);
});
