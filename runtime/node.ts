/**
 * The process of one node. Arguments: node id, organ, data folder; the rest stands in the organism's files.
 * It outlives the orchestrator and the spine: nobody's death ends it, only SIGTERM or a shutdown command.
 */
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { readBus } from "./bus.ts";
import { WARM_UP } from "./compile-cache.ts";
import { carriesRuntimeOnly } from "./discovery/plan.ts";
import { openLog } from "./log-file.ts";
import { JsonLogger, type Level } from "./logger.ts";
import { Mesh } from "./mesh/mesh.ts";
import { provideNodeContext } from "./node-context.ts";
import { readOrganism, readPlan } from "./organism.ts";
import { ownIdentity } from "./process-identity.ts";
import { rescueOrphans } from "./rescue.ts";
import { runNode } from "./run-node.ts";
import { readSettings } from "./settings.ts";

if (process.argv[2] === WARM_UP) {
  // Moleculer loads it later than what is imported above.
  await import("nats");
  flushCompileCache();
  process.exit(0);
}
const [nodeId, organ, dataDir] = process.argv.slice(2) as [string, string, string];
for (const ignored of ["SIGINT", "SIGHUP"] as const) process.on(ignored, () => {});

const organism = readOrganism(dataDir)!;
const plan = readPlan(dataDir);
const settings = readSettings();
const isOrchestrator = nodeId === "nervous-1";

const logFolder = join(organism.logDir, "orchestrator");
const own = isOrchestrator
  ? [
      { fd: openLog(join(logFolder, "orchestrator.log")), source: "master-orchestrator" },
      {
        fd: openLog(join(logFolder, "orchestrator-errors.log")),
        source: "master-orchestrator",
        atLeast: "warn" as const,
      },
    ]
  : [];
const mesh = new Mesh({
  folder: organism.runFolder,
  hello: { id: nodeId, role: "node", instanceId: "", ...ownIdentity() },
});

const broker = await runNode({
  nodeId,
  organ,
  namespace: organism.namespace,
  project: plan.project,
  bus: readBus(organism.runFolder)!,
  settings,
  logger: new JsonLogger(settings.AZORA_LOG_LEVEL as Level, [{ fd: 1 }, ...own]),
  mesh,
  runtimeOnly: carriesRuntimeOnly(nodeId, plan.project),
  prepare: (made) => provideNodeContext(made, { organism, mesh }),
});

if (!isOrchestrator) rescueOrphans(mesh, organism);
else {
  const { file, name } = plan.services.find((service) => service.capabilities.includes("orchestrator"))!;
  await broker.call("node-host.load", { epoch: 0, name, file, incarnation: 0 });
}
