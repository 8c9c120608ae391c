import { ApiClient } from "../api-client.ts";
import type { Command } from "../command.ts";
import { paint } from "../paint.ts";

interface Step {
  service: string;
  why: string;
}
interface Recovery {
  service: string;
  success: boolean;
  steps: (Step & { success: boolean; duration: number; reason: string })[];
}

export const recover: Command = {
  name: "recover",
  usage: "<service>",
  summary: "restarts what a service needs and what has failed, then the service, then those that go with it",
  options: { plan: { type: "boolean", describe: "only say what would be restarted, and why" } },
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const client = new ApiClient(settings);
    const path = `/orchestrator/recover/${encodeURIComponent(args[0]!)}`;
    if (options["plan"]) {
      const steps = await client.get<Step[]>(path);
      out(options["json"] ? JSON.stringify(steps) : steps.map(({ service, why }) => `  ${service}: ${why}`).join("\n"));
      return 0;
    }
    const recovery = await client.post<Recovery>(path);
    if (options["json"]) out(JSON.stringify(recovery));
    else {
      for (const { service, success, duration, reason, why } of recovery.steps) {
        const mark = success ? paint("green", `restarted in ${duration} ms`) : paint("red", `failed: ${reason}`);
        out(`  ${service}  ${mark}  ${paint("dim", why)}`);
      }
    }
    return recovery.success ? 0 : 1;
  },
};
