import { randomUUID } from "node:crypto";
import { createNodeBroker } from "../../runtime/broker.ts";
import { readBus } from "../../runtime/bus.ts";
import { JsonLogger } from "../../runtime/logger.ts";
import { Mesh } from "../../runtime/mesh/mesh.ts";
import { readPlan, runFolderOf } from "../../runtime/organism.ts";
import { ownIdentity } from "../../runtime/process-identity.ts";
import { loadProjectConfig } from "../../runtime/project.ts";
import { ApiClient, type OrganismStatus, type ServiceRecord } from "../api-client.ts";
import { type Command, CommandError } from "../command.ts";

interface ReplArguments {
  [name: string]: string;
}

export const repl: Command = {
  name: "repl",
  usage: "",
  summary: "a console inside the running organism: call actions, list nodes and services, organism, why, restart",
  arity: [0, 0],
  async run({ settings }) {
    const folder = runFolderOf(settings.AZORA_DATA_DIR);
    const bus = readBus(folder);
    const client = new ApiClient(settings);
    if (!bus || !(await client.answers()))
      throw new CommandError('no organism is running here; start one with "azora up -d"');
    const { project } = readPlan(settings.AZORA_DATA_DIR);
    const own = await loadProjectConfig(project);
    const nodeId = `repl-${process.pid}`;
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
    broker.options.replOptions = { delimiter: "azora $", customCommands: commands(client) } as never;
    await mesh.start();
    await broker.start();
    broker.repl();
    return new Promise((resolve) => {
      process.on("exit", () => resolve(0));
    });
  },
};

function commands(client: ApiClient) {
  const tell = (value: unknown) => console.log(typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const guarded = (run: (name: string) => Promise<unknown>) => async (_broker: unknown, args: ReplArguments) => {
    try {
      tell(await run(args["name"] ?? ""));
    } catch (error) {
      tell((error as Error).message);
    }
  };
  return [
    {
      command: "organism",
      description: "How the organism is",
      action: guarded(async () => {
        const { status, why, services, nodes } = await client.get<OrganismStatus>("/orchestrator/status");
        return { status, why, services, nodes: nodes.map((node) => `${node.id} ${node.status} pid ${node.pid}`) };
      }),
    },
    {
      command: "why <name>",
      description: "Why a service is as it is",
      action: guarded(async (name) => {
        const { status, why } = await client.get<ServiceRecord>(`/orchestrator/services/${encodeURIComponent(name)}`);
        return `${name} is ${status}: ${why}`;
      }),
    },
    {
      command: "restart <name>",
      description: "Restart a service or a node",
      action: guarded((name) => client.post(`/orchestrator/restart/${encodeURIComponent(name)}`)),
    },
  ];
}
