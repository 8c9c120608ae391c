/** A node without a chain that emits events, and writes the number of each one that it was told is on record. */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceBroker } from "moleculer";
import { recordMiddleware } from "../../../runtime/record/node-record.ts";

const [dataDir, nodeID, first, pause] = process.argv.slice(2) as [string, string, string, string];
const broker = new ServiceBroker({
  nodeID,
  logger: false,
  middlewares: [recordMiddleware({ dataDir, capture: true })],
});
await broker.start();
let n = Number(first);
const emitter = async (): Promise<never> => {
  for (;;) {
    const mine = n++;
    await broker.emit("user.created", { n: mine, note: "x".repeat(mine % 300) });
    // At once: what stands in a buffer of this process dies with it, and would count for nothing.
    writeSync(1, `${mine}\n`);
    if (pause !== "0") await sleep(Number(pause));
  }
};
await Promise.all(Array.from({ length: 8 }, emitter));
