/**
 * One process of the bench of recording. `chain <folder>` takes whatever it is sent. `<event> <folder> <rate>` emits that
 * event at a steady rate, and prints what each cost the thread of the event loop, µs.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "moleculer";
import { createNodeBroker } from "../runtime/broker.ts";
import { JsonLogger } from "../runtime/logger.ts";
import { Mesh } from "../runtime/mesh/mesh.ts";
import { ownIdentity } from "../runtime/process-identity.ts";
import { recordMiddleware } from "../runtime/record/node-record.ts";
import { readSettings } from "../runtime/settings.ts";

const [role, folder, rateText = "0"] = process.argv.slice(2) as [string, string, string?];
const rate = Number(rateText);
const id = role === "chain" ? "immune-1" : `heart-${process.pid}`;
const mesh = new Mesh({ folder, hello: { id, role: "node", instanceId: "", ...ownIdentity() } });
const { broker } = createNodeBroker({
  nodeId: id,
  namespace: "bench",
  bus: { kind: "mesh" },
  settings: readSettings({}),
  logger: new JsonLogger("fatal"),
  mesh,
  metadata: {},
  innermost: [recordMiddleware({ dataDir: folder, capture: true, rules: [{ event: "page.*", grade: "best-effort" }] })],
});
if (role === "chain") {
  broker.createService({
    name: "blockchain-logger",
    actions: {
      append: (ctx: Context<{ entries: unknown[] }>) => ({
        results: ctx.params.entries.map((_, index) => ({ id: "", index })),
      }),
    },
  });
}
await mesh.start();
await broker.start();
if (role === "chain") console.log("ready");
else {
  await broker.waitForServices("blockchain-logger");
  await emitFor(2000);
  // Time of the thread, not of the clock: what other processes of the machine take is not the event's.
  const before = process.threadCpuUsage();
  const count = await emitFor(4000);
  const { user, system } = process.threadCpuUsage(before);
  console.log((user + system) / count);
  await broker.stop();
  await mesh.close();
  process.exit(0);
}

/** Some 300 bytes, as an entry of a user's doing may have. */
function payload(n: number) {
  return {
    user: { id: `user-${n}`, name: "Somebody Or Other", roles: ["reader", "writer"], language: "en" },
    course: { id: `course-${n % 97}`, title: "An introduction to something of use", price: 12.5, currency: "EUR" },
    at: new Date().toISOString(),
    note: "a note of some length, as a person may write it",
  };
}

async function emitFor(ms: number): Promise<number> {
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < ms) {
    const due = ((performance.now() - start) * rate) / 1000;
    while (count < due) void broker.emit(role, payload(count++));
    await sleep(1);
  }
  return count;
}
