import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";

export const beginAnew: Command = {
  name: "begin-anew",
  usage: "<reason>",
  summary: "puts a log that was set back or is damaged aside, and begins a new one that says so",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const body = { reason: args[0] };
    const answer = await new ApiClient(settings).post<{ aside: string }>("/api/chain/begin-anew", body);
    out(options["json"] ? JSON.stringify(answer) : `a new log has begun; the old one is in ${answer.aside}`);
    return 0;
  },
};
