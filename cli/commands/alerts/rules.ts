import { prometheusRules } from "../../../runtime/alerts/prometheus-rules.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, CommandError } from "../../command.ts";
import { alertsHere } from "./alert-files.ts";
import { faultLines } from "./alert-words.ts";
import { known, OFFLINE } from "./definitions.ts";

export const rules: Command = {
  name: "rules",
  usage: "",
  summary: "prints alert rules for Prometheus, by the same definitions; without a running organism by alerts/ here",
  options: OFFLINE,
  arity: [0, 0],
  async run({ settings, options, out }) {
    if (options["json"]) {
      out(JSON.stringify((await known({ settings, options })).alerts.filter(({ enabled }) => enabled)));
      return 0;
    }
    const client = new ApiClient(settings);
    const isAsked = !options["offline"] && (await client.answers());
    out((isAsked ? await client.get<string>("/api/organism/alerts/prometheus") : rulesHere()).trimEnd());
    return 0;
  },
};

/** @throws CommandError where a file is wrong: rules that lack an alert would be taken for whole */
function rulesHere(): string {
  const { alerts, faults } = alertsHere();
  if (faults.length > 0) throw new CommandError(faultLines(faults).join("\n"));
  return prometheusRules(alerts.filter(({ enabled }) => enabled).map(({ definition }) => definition));
}
