/**
 * The process of a node that joins a running organism from another machine. Arguments: one JSON of `JoinRequest`.
 * The orchestrator places services on it, and does not start or restart its process: whoever started it does.
 */
import type { Plan } from "./discovery/plan.ts";
import { JsonLogger, type Level } from "./logger.ts";
import { runNode } from "./run-node.ts";
import { readSettings } from "./settings.ts";

export interface JoinRequest {
  nodeId: string;
  organ: string;
  namespace: string;
  project: Plan["project"];
}

const { nodeId, organ, namespace, project } = JSON.parse(process.argv[2]!) as JoinRequest;
const settings = readSettings();
const url = settings.AZORA_EVENT_BUS_URL;
delete process.env["AZORA_EVENT_BUS_URL"];
process.on("SIGINT", () => process.kill(process.pid, "SIGTERM"));

await runNode({
  nodeId,
  organ,
  namespace,
  project,
  bus: { kind: "nats", url },
  settings,
  logger: new JsonLogger(settings.AZORA_LOG_LEVEL as Level),
  runtimeOnly: false,
});
