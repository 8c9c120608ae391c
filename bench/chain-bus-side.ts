/**
 * A node of the bench over the bus. Arguments: `chain` or `caller`, URL of the bus, then the data folder or the seconds.
 * A caller prints how many entries were acknowledged, and their latencies' median and 99th percentile in ms.
 */
import { ServiceBroker } from "moleculer";
import { DATA } from "./chain-data.ts";

const [role, url, value] = process.argv.slice(2) as [string, string, string];
const nodeID = `${role}-${process.pid}`;
const broker = new ServiceBroker({
  nodeID,
  transporter: { type: "NATS", options: { url } },
  serializer: "Notepack",
  logger: false,
});

if (role === "chain") {
  process.env["AZORA_DATA_DIR"] = value;
  const { default: schema } = await import("../services/immune/blockchain-logger/blockchain-logger.service.ts");
  broker.createService(schema as never);
  await broker.start();
  process.on("SIGTERM", () => void broker.stop().then(() => process.exit(0)));
  console.log("ready");
} else {
  await broker.start();
  await broker.waitForServices("blockchain-logger");
  const times: number[] = [];
  const end = performance.now() + Number(value) * 1000;
  const caller = async () => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      await broker.call("blockchain-logger.log", { eventType: "mint.transaction.done", data: DATA });
      times.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)];
  console.log(JSON.stringify({ entries: times.length, p50: at(0.5), p99: at(0.99) }));
  await broker.stop();
  process.exit(0);
}
