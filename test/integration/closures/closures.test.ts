import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import type { Closure } from "../../../models/healing.ts";
import { Failover } from "../../../runtime/failover/failover.ts";
import { nodeHost } from "../../../runtime/node-host/node-host.ts";
import { VitalsRegistry } from "../../../runtime/vitals/action-vitals.ts";

describe("a call of a service that is closed", () => {
  let folder: string;
  let broker: ServiceBroker;
  let failover: Failover;
  let seq: number;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "azora-closures-"));
    seq = 0;
    failover = new Failover();
    broker = new ServiceBroker({
      nodeID: "heart-1",
      logger: false,
      skipProcessEventRegistration: true,
      middlewares: [failover.middleware()],
      errorHandler: failover.errorHandler(),
    } as never);
    broker.createService(
      nodeHost(broker, { vitals: new VitalsRegistry(), failover, root: folder, services: folder, shutdown: () => {} }),
    );
    broker.createService({
      name: "vault",
      actions: {
        add(ctx: Context<{ n: number }, { by?: string }>) {
          ctx.meta.by = "vault";
          return `vault has ${ctx.params.n}`;
        },
      },
    });
    broker.createService({
      name: "teller",
      actions: {
        async pay(ctx: Context<unknown, { by?: string }>) {
          const answer = await ctx.call("ledger.add", { n: 7 });
          return [answer, ctx.meta.by];
        },
      },
    });
    await broker.start();
  });
  afterEach(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  const tell = (...closures: Closure[]) => broker.broadcast("organism.closures", { epoch: 1, seq: ++seq, closures });
  const quarantined = { service: "ledger", why: "no paper", trialAt: Date.now() + 120_000 };
  const failureOf = (call: Promise<unknown>) => call.catch((error: unknown) => error);

  test("fails at once and says why, also while the service counts as being restarted", async () => {
    failover.holds.begin(["ledger.add"]);
    await tell(quarantined);
    const since = performance.now();
    expect(await failureOf(broker.call("ledger.add"))).toMatchObject({
      type: "SERVICE_QUARANTINED",
      data: { service: "ledger", why: "no paper", retryAfter: expect.any(Number) },
    });
    expect(await failureOf(broker.call("ledger.add", {}, { nodeID: "heart-1" }))).toMatchObject({
      type: "SERVICE_QUARANTINED",
    });
    expect(performance.now() - since).toBeLessThan(800);
  });

  test("that is held already, fails as soon as that is known", async () => {
    failover.holds.begin(["ledger.add"]);
    const call = failureOf(broker.call("ledger.add"));
    const since = performance.now();
    await tell(quarantined);
    expect(await call).toMatchObject({ type: "SERVICE_QUARANTINED" });
    expect(performance.now() - since).toBeLessThan(800);
    expect(failover.holds.held).toBe(0);
  });

  test("goes to its standby, and comes back with what that wrote into the meta", async () => {
    await tell({ service: "ledger", why: "failed over", standby: "vault" });
    expect(await broker.call("ledger.add", { n: 3 })).toBe("vault has 3");
    expect(await broker.call("teller.pay")).toEqual(["vault has 7", "vault"]);
  });

  test("for a certain node is not sent to a standby", async () => {
    await tell({ service: "ledger", why: "failed over", standby: "vault" });
    expect(await failureOf(broker.call("ledger.add", {}, { nodeID: "heart-1" }))).toMatchObject({
      type: "SERVICE_NOT_FOUND",
    });
  });

  test("is carried out where an instance is there, as when it is tried again, and once it is closed no longer", async () => {
    await tell(quarantined);
    const ledger = broker.createService({ name: "ledger", actions: { add: () => "ledger has it" } });
    await broker.waitForServices("ledger");
    expect(await broker.call("ledger.add")).toBe("ledger has it");
    await broker.destroyService(ledger);
    await tell();
    expect(await failureOf(broker.call("ledger.add"))).toMatchObject({ type: "SERVICE_NOT_AVAILABLE" });
  });
});
