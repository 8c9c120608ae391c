import { ApiClient } from "../api-client.ts";
import type { Command } from "../command.ts";
import { paintStatus } from "../paint.ts";

interface Outcome {
  target: string;
  status: string;
  why: string;
  duration: number;
}

const control = (name: string, usage: string, summary: string): Command => ({
  name,
  usage,
  summary,
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const outcome = await new ApiClient(settings).post<Outcome>(
      `/orchestrator/${name}/${encodeURIComponent(args[0]!)}`,
    );
    if (options["json"]) out(JSON.stringify(outcome));
    else
      out(
        `${outcome.target} ${paintStatus(outcome.status)} after ${outcome.duration} ms${outcome.why ? `: ${outcome.why}` : ""}`,
      );
    return ["healthy", "degraded", "up", "stopped"].includes(outcome.status) ? 0 : 1;
  },
});

export const start = control("start", "<service>", "starts a service that was stopped");
export const stop = control("stop", "<service>", "stops a service, after its calls in flight have ended");
export const restart = control("restart", "<service|node>", "restarts a service in its process, or a node's process");
export const reload = control("reload", "<service|node>", "loads changed code, one instance after the other");
export const release = control("release", "<service>", "takes a service out of quarantine and tries it again");
