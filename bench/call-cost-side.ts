/** One side of the bench of what a call costs, in a process of its own: prints µs per local call. Argument: the side. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { Accounting } from "../runtime/accounting/accounting.ts";
import { createNodeBroker } from "../runtime/broker.ts";
import { JsonLogger } from "../runtime/logger.ts";
import { Mesh } from "../runtime/mesh/mesh.ts";
import { ownIdentity } from "../runtime/process-identity.ts";
import { recordMiddleware } from "../runtime/record/node-record.ts";
import { readSettings } from "../runtime/settings.ts";

const CALLS = 300_000;
const ROUNDS = 5;
/** What comes nearest with Moleculer's own means. */
const MOLECULERS: BrokerOptions = {
  metrics: { enabled: true },
  circuitBreaker: { enabled: true },
  bulkhead: { enabled: true, concurrency: 1000 },
  requestTimeout: 10_000,
};

const folder = mkdtempSync(join(tmpdir(), "azora-bench-"));
const broker = await brokerOf(process.argv[2]!);
broker.createService({ name: "empty", actions: { call: () => 1 } });
await broker.start();
await time();
const rounds: number[] = [];
for (let i = 0; i < ROUNDS; i++) rounds.push(await time());
// What disturbs a round only makes it longer.
console.log(Math.min(...rounds));
rmSync(folder, { recursive: true, force: true });
process.exit(0);

async function brokerOf(side: string): Promise<ServiceBroker> {
  if (side !== "azora") return new ServiceBroker({ logger: false, ...(side === "bare" ? {} : MOLECULERS) });
  const mesh = new Mesh({ folder, hello: { id: "bench", role: "node", instanceId: "", ...ownIdentity() } });
  await mesh.start();
  return createNodeBroker({
    nodeId: "bench",
    namespace: "bench",
    bus: { kind: "mesh" } as never,
    settings: readSettings({ AZORA_DATA_DIR: folder }),
    logger: new JsonLogger("fatal"),
    metadata: {},
    mesh,
    accounting: new Accounting(),
    innermost: [recordMiddleware({ dataDir: folder, capture: true, rules: [] })],
  }).broker;
}

async function time(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await broker.call("empty.call");
  return ((performance.now() - start) * 1000) / CALLS;
}
