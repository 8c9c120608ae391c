import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import { NodeCommands } from "../../../services/nervous/master-orchestrator/node-commands.ts";

describe("commands to a node's host", () => {
  let broker: ServiceBroker;
  const got: Record<string, unknown>[] = [];
  beforeAll(async () => {
    broker = new ServiceBroker({ nodeID: "nervous-1", logger: false, skipProcessEventRegistration: true });
    const take = (ctx: Context<Record<string, unknown>>) => void got.push(ctx.params);
    broker.createService({ name: "node-host", actions: { load: take, unload: take } });
    await broker.start();
  });
  afterAll(() => broker.stop());

  test("reach the nodes that carry one, and no other", () => {
    const commands = new NodeCommands(broker, 3);
    expect([commands.reachable("nervous-1"), commands.reachable("heart-1")]).toEqual([true, false]);
  });

  test("carry the epoch", async () => {
    await new NodeCommands(broker, 3).unload("nervous-1", "ledger");
    expect(got).toEqual([{ name: "ledger", epoch: 3 }]);
  });
});
