/**
 * A node with a worker service, which starts when standard input ends. Each run of an action is written into a file, so
 * that a test sees what ran where.
 */
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "moleculer";
import { createNodeBroker } from "../../../runtime/broker.ts";
import type { Bus } from "../../../runtime/bus.ts";
import { JsonLogger } from "../../../runtime/logger.ts";
import { Mesh } from "../../../runtime/mesh/mesh.ts";
import { ownIdentity } from "../../../runtime/process-identity.ts";
import { readSettings } from "../../../runtime/settings.ts";

const [folder, id, record, busText] = process.argv.slice(2) as [string, string, string, string];
const mesh = new Mesh({ folder, hello: { id, role: "node", instanceId: "", ...ownIdentity() } });
const { broker } = createNodeBroker({
  nodeId: id,
  namespace: "failover",
  bus: JSON.parse(busText) as Bus,
  settings: readSettings({}),
  logger: new JsonLogger("fatal"),
  mesh,
  metadata: {},
});
const run = (name: string, ms: number) => async () => {
  appendFileSync(record, `${name} ${id}\n`);
  if (ms > 0) await sleep(ms);
  return id;
};
broker.createService({
  name: "worker",
  actions: {
    quick: { idempotent: true, handler: run("quick", 0) } as never,
    look: { idempotent: true, handler: run("look", 600) } as never,
    pay: run("pay", 600),
    tag(ctx: Context<unknown, { tag?: string }>) {
      ctx.meta.tag = id;
    },
  },
});
console.log("prepared");
await once(process.stdin.resume(), "end");
await mesh.start();
await broker.start();
