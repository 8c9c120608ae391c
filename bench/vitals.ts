/** What vitals cost a local call: the same broker with and without them, in turn. */
import { ServiceBroker } from "moleculer";
import { VitalsRegistry, vitalsMiddleware } from "../runtime/vitals/action-vitals.ts";
import { goal, medians, type Result } from "./report.ts";

const CALLS = 400_000;

export async function vitals(rounds = 9): Promise<Result> {
  const bare = await broker(false);
  const measured = await broker(true);
  const runs: Record<string, number[]> = { bare: [], "with vitals": [] };
  await time(bare);
  await time(measured);
  for (let i = 0; i < rounds; i++) {
    runs["bare"]!.push(await time(bare));
    runs["with vitals"]!.push(await time(measured));
  }
  await Promise.all([bare.stop(), measured.stop()]);
  const middle = medians(runs);
  const cost = middle["with vitals"]! - middle["bare"]!;
  return {
    name: "vitals",
    measures: "one local call of an empty action",
    unit: "µs",
    runs,
    medians: middle,
    goals: [goal("0.3 µs or less per call (µs)", cost, cost <= 0.3)],
  };
}

async function broker(measured: boolean): Promise<ServiceBroker> {
  const made = new ServiceBroker({ logger: false });
  if (measured)
    (made as unknown as { middlewares: { add(middleware: object): void } }).middlewares.add(
      vitalsMiddleware(new VitalsRegistry()),
    );
  made.createService({ name: "empty", actions: { call: () => 1 } });
  await made.start();
  return made;
}

async function time(made: ServiceBroker): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await made.call("empty.call");
  return ((performance.now() - start) * 1000) / CALLS;
}
