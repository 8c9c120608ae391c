/** One side of the vitals bench, in a process of its own, as a node is: prints µs per call. Argument: bare or measured. */
import { ServiceBroker } from "moleculer";
import { VitalsRegistry, vitalsMiddleware } from "../runtime/vitals/action-vitals.ts";

const CALLS = 500_000;

const broker = new ServiceBroker({ logger: false });
if (process.argv[2] === "measured") {
  const { middlewares } = broker as unknown as { middlewares: { add(middleware: object): void } };
  middlewares.add(vitalsMiddleware(new VitalsRegistry()));
}
broker.createService({ name: "empty", actions: { call: () => 1 } });
await broker.start();
await time();
console.log(await time());
await broker.stop();

async function time(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await broker.call("empty.call");
  return ((performance.now() - start) * 1000) / CALLS;
}
