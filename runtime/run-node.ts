import { hostname } from "node:os";
import { join } from "node:path";
import type { Service, ServiceBroker } from "moleculer";
import { Accounting } from "./accounting/accounting.ts";
import { nodeAccounting } from "./accounting/node-accounting.ts";
import { createNodeBroker } from "./broker.ts";
import type { Bus } from "./bus.ts";
import { keepCompiledCode } from "./compile-cache.ts";
import type { Plan } from "./discovery/plan.ts";
import type { JsonLogger } from "./logger.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { installModuleHooks } from "./module-hooks.ts";
import { PACKAGE_ROOT } from "./node-executable.ts";
import { renewBus } from "./node-host/connections.ts";
import { DRAIN_TIMEOUT_MS, nodeHost } from "./node-host/node-host.ts";
import { nodePerformance } from "./performance/node-performance.ts";
import { ownIdentity } from "./process-identity.ts";
import { loadProjectConfig } from "./project.ts";
import { configuredRules } from "./record/configured-rules.ts";
import { nodeRecordOf, recordMiddleware } from "./record/node-record.ts";
import { recorderOf } from "./record/recorder-of.ts";
import type { Settings } from "./settings.ts";
import { tracingConfig } from "./tracing/tracing-config.ts";
import { Workers } from "./workers/workers.ts";

export interface RunNodeOptions {
  nodeId: string;
  organ: string;
  namespace: string;
  project: Plan["project"];
  bus: Bus;
  settings: Settings;
  logger: JsonLogger;
  /** Absent on a node that joins from another machine. */
  mesh?: Mesh;
  /** Runs Azora's own services only, also beside a foreign project. */
  runtimeOnly: boolean;
  /** Called with the broker before it starts. */
  prepare?(broker: ServiceBroker): void;
}

/** Makes this process a node: joins the bus, and carries what the orchestrator loads into it. */
export async function runNode(options: RunNodeOptions): Promise<ServiceBroker> {
  const { nodeId, organ, project, mesh, settings, logger, bus, namespace, runtimeOnly } = options;
  process.title = `azora ${nodeId}`;
  const ownServices = join(PACKAGE_ROOT, "services");
  // What is loaded afresh with a service: a project's own modules; of Azora the services alone, never the runtime.
  const root = runtimeOnly || !project.foreign ? ownServices : project.root;
  installModuleHooks({ root, foreign: project.foreign });
  const own = await loadProjectConfig(project);
  const faults = settings.AZORA_CHAOS === "on" ? await loadFaults(settings.AZORA_DATA_DIR) : undefined;
  const record = recordMiddleware({
    dataDir: settings.AZORA_DATA_DIR,
    capture: settings.AZORA_CHAIN_CAPTURE === "on",
    rules: configuredRules(settings.AZORA_CHAIN_EVENTS),
  });
  const workers = new Workers({
    root,
    foreign: project.foreign,
    jobs: settings.AZORA_WORKER_MAX_CONNECTIONS,
    memory: settings.AZORA_WORKER_MEMORY,
  });
  const accounting = new Accounting();
  const tracing = await loadTracing(options);
  const { broker, vitals, failover, breakers, limits, load, door } = createNodeBroker({
    nodeId,
    namespace,
    bus,
    settings,
    logger,
    metadata: { organ, host: hostname(), ...ownIdentity(), ...(mesh ? {} : { joined: true }) },
    ...(mesh ? { mesh } : {}),
    ...(own ? { own, onlySerializer: runtimeOnly } : {}),
    // The threads closest of all: they take the handler's place.
    innermost: [workers.middleware(), record, ...(faults ? [faults.middleware] : [])],
    accounting,
    ...(tracing ? { tracing } : {}),
  });

  let stopping = false;
  const shutdown = async (drainTimeout: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    broker.logger.info(`stops: lets calls finish for up to ${drainTimeout} ms`);
    const host = broker.getLocalService("node-host") as Service & { stopAll(timeout: number): Promise<void> };
    await host.stopAll(drainTimeout);
    await broker.stop();
    await mesh?.close();
    process.exit(0);
  };
  const crash = (error: unknown): void => {
    broker.logger.fatal("ends on an error that nobody caught", error);
    process.exit(70);
  };
  process.on("SIGTERM", () => void shutdown(DRAIN_TIMEOUT_MS).catch(crash));
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);

  const services = runtimeOnly ? ownServices : project.services;
  broker.createService(
    nodeHost(broker, {
      vitals,
      failover,
      breakers,
      limits,
      dataDir: settings.AZORA_DATA_DIR,
      record: nodeRecordOf(broker),
      ...(tracing ? { tracing } : {}),
      root,
      services,
      shutdown: (timeout) => void shutdown(timeout).catch(crash),
    }),
  );
  const { arrivals, admission } = door;
  const { AZORA_DATA_DIR: dataDir } = settings;
  broker.createService(nodePerformance(broker, { load, limits, arrivals, admission, dataDir }));
  if (faults) broker.createService(faults.service(broker));
  if (accounting.isOn) {
    accounting.start(recorderOf(broker));
    broker.createService(nodeAccounting(accounting));
  }
  mesh?.on("message", (_peer, { type }) => {
    if (type === "reconnect-bus")
      void renewBus(broker).catch((error) => broker.logger.warn("the bus could not be connected anew", error));
  });
  options.prepare?.(broker);
  await mesh?.start();
  await broker.start();
  keepCompiledCode();
  return broker;
}

/** Loaded only where there is a collector to send to. */
async function loadTracing({ settings, nodeId, namespace, organ, logger }: RunNodeOptions) {
  const config = tracingConfig(settings);
  if (!config) return undefined;
  const { createTracing } = await import("./tracing/tracing.ts");
  const warn = logger.getLogHandler({ mod: "tracing", nodeID: nodeId });
  return createTracing({ config, nodeId, namespace, organ, onTrouble: (what) => warn("warn", [what]) });
}

/** Loaded only where it is wanted: without the setting a node carries nothing that could break it. */
async function loadFaults(dataDir: string) {
  const [{ Faults }, { nodeFaults }] = await Promise.all([
    import("./faults/faults.ts"),
    import("./faults/node-faults.ts"),
  ]);
  const faults = new Faults(dataDir);
  return {
    middleware: faults.middleware(),
    service: (broker: ServiceBroker) => nodeFaults(broker, faults, dataDir),
  };
}
