import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";

export const checkpoint: Command = {
  name: "checkpoint",
  usage: "",
  summary: "prints the newest signed statement of the whole log",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const answer = await new ApiClient(settings).get<{ text: string }>("/api/chain/checkpoint");
    out(options["json"] ? JSON.stringify(answer) : answer.text.trimEnd());
    return 0;
  },
};
