/** One side of the benches of a local call, in a process of its own, as a node is: prints µs per call. Argument: the side. */
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { CircuitBreakers } from "../runtime/breaker/circuit-breakers.ts";
import { VitalsRegistry, vitalsMiddleware } from "../runtime/vitals/action-vitals.ts";

const CALLS = 500_000;
const MOLECULERS_BREAKER: BrokerOptions = { circuitBreaker: { enabled: true } };

const side = process.argv[2];
const broker = new ServiceBroker({ logger: false, ...(side === "moleculer's breaker" ? MOLECULERS_BREAKER : {}) });
const { middlewares } = broker as unknown as { middlewares: { add(middleware: object): void } };
if (side === "with vitals") middlewares.add(vitalsMiddleware(new VitalsRegistry()));
if (side === "azora's breaker") middlewares.add(new CircuitBreakers().middleware(broker));
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
