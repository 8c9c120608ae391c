/**
 * The process of one node. Arguments: node id, organ, data folder; the rest stands in the organism's files.
 * It outlives the orchestrator and the spine: nobody's death ends it, only SIGTERM or a shutdown command.
 */

import { hostname } from "node:os";
import { join } from "node:path";
import type { Service } from "moleculer";
import { createNodeBroker } from "./broker.ts";
import { readBus } from "./bus.ts";
import { JsonLogger, type Level, openLog } from "./logger.ts";
import { Mesh } from "./mesh/mesh.ts";
import { installModuleHooks } from "./module-hooks.ts";
import { PACKAGE_ROOT } from "./node-executable.ts";
import { DRAIN_TIMEOUT_MS, nodeHost } from "./node-host/node-host.ts";
import { readOrganism, readPlan } from "./organism.ts";
import { ownIdentity } from "./process-identity.ts";
import { loadProjectConfig } from "./project.ts";
import { readSettings } from "./settings.ts";

const [nodeId, organ, dataDir] = process.argv.slice(2) as [string, string, string];
process.title = `azora ${nodeId}`;
for (const ignored of ["SIGINT", "SIGHUP"] as const) process.on(ignored, () => {});

const organism = readOrganism(dataDir)!;
const plan = readPlan(dataDir);
const bus = readBus(organism.runFolder)!;
const settings = readSettings();
const identity = ownIdentity();
const ORCHESTRATOR_NODE = "nervous-1";
const isOrchestrator = nodeId === ORCHESTRATOR_NODE;
/** The runtime's own nervous node runs Azora's services only, also beside a foreign project. */
const root = isOrchestrator || !plan.project.foreign ? PACKAGE_ROOT : plan.project.root;

const logFolder = join(organism.logDir, "orchestrator");
const logger = new JsonLogger(settings.AZORA_LOG_LEVEL as Level, [
  { fd: 1 },
  ...(isOrchestrator
    ? [
        { fd: openLog(join(logFolder, "orchestrator.log")), source: "master-orchestrator" },
        {
          fd: openLog(join(logFolder, "orchestrator-errors.log")),
          source: "master-orchestrator",
          atLeast: "warn" as const,
        },
      ]
    : []),
]);

installModuleHooks({ root, foreign: plan.project.foreign });
const own = await loadProjectConfig(plan.project);
const mesh = new Mesh({ folder: organism.runFolder, hello: { id: nodeId, role: "node", instanceId: "", ...identity } });
const { broker, vitals, failover } = createNodeBroker({
  nodeId,
  namespace: organism.namespace,
  bus,
  settings,
  logger,
  mesh,
  metadata: { organ, host: hostname(), ...identity },
  ...(own ? { own, onlySerializer: isOrchestrator } : {}),
});
Object.assign(broker, { azora: { organism, mesh } });

let stopping = false;
async function shutdown(drainTimeout: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  broker.logger.info(`stops: lets calls finish for up to ${drainTimeout} ms`);
  const host = broker.getLocalService("node-host") as Service & { stopAll(timeout: number): Promise<void> };
  await host.stopAll(drainTimeout);
  await broker.stop();
  await mesh.close();
  process.exit(0);
}

function crash(error: unknown): void {
  broker.logger.fatal("ends on an error that nobody caught", error);
  process.exit(70);
}

process.on("SIGTERM", () => void shutdown(DRAIN_TIMEOUT_MS).catch(crash));
process.on("uncaughtException", crash);
process.on("unhandledRejection", crash);

broker.createService(
  nodeHost(broker, { vitals, failover, root, shutdown: (timeout) => void shutdown(timeout).catch(crash) }),
);
await mesh.start();
await broker.start();
