import { ApiClient } from "../api-client.ts";
import { type Command, UsageError } from "../command.ts";

interface ScaleOutcome {
  organ: string;
  replicas: number;
  nodes: string[];
  singletons: string[];
  duration: number;
}

export const scale: Command = {
  name: "scale",
  usage: "<organ> <replicas>",
  summary: "runs an organ on so many nodes",
  arity: [2, 2],
  async run({ settings, args, options, out }) {
    const [organ, replicas] = args as [string, string];
    if (!/^\d+$/.test(replicas)) throw new UsageError(`replicas is "${replicas}", but must be a whole number`);
    const outcome = await new ApiClient(settings).post<ScaleOutcome>(
      `/orchestrator/scale/${encodeURIComponent(organ)}`,
      { replicas: Number(replicas) },
    );
    if (options["json"]) {
      out(JSON.stringify(outcome));
      return 0;
    }
    out(`${organ} runs on ${outcome.nodes.join(", ") || "no node"} after ${outcome.duration} ms`);
    if (outcome.singletons.length > 0)
      out(`left on one node, because they are singletons: ${outcome.singletons.join(", ")}`);
    return 0;
  },
};
