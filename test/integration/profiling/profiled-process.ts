/** A small node that has a snapshot of its heap made, and prints what came of it. Argument: the data folder. */
import { readFileSync, statSync } from "node:fs";
import { ServiceBroker } from "moleculer";
import { profilingActions } from "../../../runtime/profiling/node-profiling.ts";

const broker = new ServiceBroker({ nodeID: "muscles-1", logger: false });
broker.createService({ name: "node-performance", actions: profilingActions(broker, process.argv[2]!) });
await broker.start();
class LooksForMe {
  readonly n = 1;
}
const kept = new LooksForMe();
const snapshot = (await broker.call("node-performance.heapSnapshot")) as { file: string };
const text = readFileSync(snapshot.file, "utf8");
const mode = (statSync(snapshot.file).mode & 0o777).toString(8);
console.log(
  JSON.stringify({
    ...snapshot,
    mode,
    found: text.includes(kept.constructor.name),
    nodes: JSON.parse(text).snapshot.node_count,
  }),
);
await broker.stop();
