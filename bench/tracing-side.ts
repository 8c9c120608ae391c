/** One side of the bench of tracing, in a process of its own: prints µs per call. Argument: the side. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { createTracing } from "../runtime/tracing/tracing.ts";

const CALLS = 500_000;
const RATES: Record<string, number> = { "azora, unsampled": 1e-9, "azora, 1 %": 0.01, "azora, all": 1 };

const side = process.argv[2]!;
// Moleculer has no exporter for OTLP; with an empty one only the making of its spans is measured.
const moleculers: BrokerOptions = {
  tracing: { enabled: true, sampling: { rate: 0.01 }, exporter: [{ type: "Event", options: { interval: 0 } }] },
};
const broker = new ServiceBroker({ logger: false, ...(side.startsWith("moleculer") ? moleculers : {}) });
const collector = createServer((request, response) => {
  request.resume().on("end", () => response.end("{}"));
});
await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
const rate = RATES[side];
if (rate !== undefined) {
  const tracing = createTracing({
    config: { url, headers: {}, rate, attributes: {} },
    nodeId: broker.nodeID,
    namespace: "bench",
  });
  const { middlewares } = broker as unknown as { middlewares: { add(middleware: object): void } };
  middlewares.add(tracing.calls);
}
broker.createService({ name: "empty", actions: { call: () => 1 } });
await broker.start();
await time();
console.log(await time());
await broker.stop();
collector.closeAllConnections();
collector.close();

async function time(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await broker.call("empty.call");
  return ((performance.now() - start) * 1000) / CALLS;
}
