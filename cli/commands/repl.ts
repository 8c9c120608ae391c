import { ApiClient, type OrganismStatus, type ServiceRecord } from "../api-client.ts";
import type { Command } from "../command.ts";
import { joinBus } from "../join-bus.ts";

interface ReplArguments {
  [name: string]: string;
}

export const repl: Command = {
  name: "repl",
  usage: "",
  summary: "a console inside the running organism: call actions, list nodes and services, organism, why, restart",
  arity: [0, 0],
  async run({ settings }) {
    const client = new ApiClient(settings);
    const { broker } = await joinBus(settings, `repl-${process.pid}`);
    broker.options.replOptions = { delimiter: "azora $", customCommands: commands(client) } as never;
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
