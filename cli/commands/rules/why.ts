import type { RuleWhy } from "../../../models/rule-results.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { rulePath, whyText } from "./rule-words.ts";

export const why: Command = {
  name: "why",
  usage: "<rule>",
  summary: "says why a rule fired or did not: the values read, their age, the condition that holds it back",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const answer = await new ApiClient(settings).get<RuleWhy>(rulePath(args[0]!, "/why"));
    out(options["json"] ? JSON.stringify(answer) : whyText(answer));
    return 0;
  },
};
