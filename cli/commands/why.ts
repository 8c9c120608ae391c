import { ApiClient, type OrganismStatus, type ServiceRecord } from "../api-client.ts";
import type { Command } from "../command.ts";
import { paint, paintStatus } from "../paint.ts";

export const why: Command = {
  name: "why",
  usage: "<service|node>",
  summary: "says why something is as it is",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const client = new ApiClient(settings);
    const name = args[0]!;
    const { nodes, healing } = await client.get<OrganismStatus>("/orchestrator/status");
    const node = nodes.find(({ id }) => id === name);
    const service = node
      ? undefined
      : await client.get<ServiceRecord>(`/orchestrator/services/${encodeURIComponent(name)}`);
    const acts = healing.filter(({ target }) => target.node === name || target.service === service?.metadata.name);
    const told = await client
      .get<{ paragraphs: string[]; cases: string[] }>(
        `/orchestrator/heal/story/${encodeURIComponent(service?.metadata.name ?? name)}`,
      )
      .catch(() => undefined);
    if (options["json"]) {
      out(JSON.stringify({ target: node ?? service, healing: acts, story: told?.paragraphs ?? [] }));
      return 0;
    }
    if (node) out(`${node.id} is ${paintStatus(node.status)}${node.why ? `: ${node.why}` : ""}`);
    if (service) {
      out(`${service.metadata.name} is ${paintStatus(service.status)}: ${service.why}`);
      for (const one of service.instances)
        out(`  ${one.node}  pid ${one.pid}  incarnation ${one.incarnation}  ${paintStatus(one.status)}`);
      const { dependencies, softDependencies } = service.metadata;
      if (dependencies.length > 0) out(`  needs ${dependencies.join(", ")}`);
      if (softDependencies.length > 0) out(`  uses, where they are, ${softDependencies.join(", ")}`);
    }
    // The healer's story has them too, and better.
    for (const act of told ? [] : acts.slice(0, 5)) {
      const what = `${act.action} (attempt ${act.attempt}) ${act.success ? "helped" : "did not help"} after ${act.duration} ms`;
      out(`  ${paint("dim", act.at)}  ${act.failure}: ${what}; ${act.reason}`);
    }
    if (!told) out(paint("dim", "the healer does not answer, so its story is missing"));
    else if (told.cases.length > 0) out(`\n${told.paragraphs.join("\n\n")}`);
    return 0;
  },
};
