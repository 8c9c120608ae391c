import { randomUUID } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import { createNodeBroker } from "../runtime/broker.ts";
import { readBus } from "../runtime/bus.ts";
import { JsonLogger } from "../runtime/logger.ts";
import { Mesh } from "../runtime/mesh/mesh.ts";
import { readPlan, runFolderOf } from "../runtime/organism.ts";
import { ownIdentity } from "../runtime/process-identity.ts";
import { loadProjectConfig } from "../runtime/project.ts";
import type { Settings } from "../runtime/settings.ts";
import { ApiClient } from "./api-client.ts";
import { CommandError } from "./command.ts";

export interface Guest {
  /** To be started by who joined. */
  broker: ServiceBroker;
  leave(): Promise<void>;
}

/** Joins the running organism's bus as one more node, that carries no services. @throws CommandError where none runs */
export async function joinBus(settings: Settings, nodeId: string): Promise<Guest> {
  const folder = runFolderOf(settings.AZORA_DATA_DIR);
  const bus = readBus(folder);
  if (!bus || !(await new ApiClient(settings).answers()))
    throw new CommandError('no organism is running here; start one with "azora up -d"');
  const { project } = readPlan(settings.AZORA_DATA_DIR);
  const own = await loadProjectConfig(project);
  const mesh = new Mesh({ folder, hello: { id: nodeId, role: "guest", instanceId: randomUUID(), ...ownIdentity() } });
  const { broker } = createNodeBroker({
    nodeId,
    namespace: settings.AZORA_NAMESPACE,
    bus,
    settings,
    logger: new JsonLogger("error"),
    mesh,
    metadata: {},
    ...(own ? { own, onlySerializer: true } : {}),
  });
  await mesh.start();
  return {
    broker,
    async leave() {
      await broker.stop();
      await mesh.close();
    },
  };
}
