import { ALERT_DEFINITIONS } from "../../../runtime/alerts/definitions.ts";
import { prometheusRules } from "../../../runtime/alerts/prometheus-rules.ts";
import type { Command } from "../../command.ts";

export const rules: Command = {
  name: "rules",
  usage: "",
  summary: "prints alert rules for Prometheus, by the same definitions; needs no running organism",
  arity: [0, 0],
  async run({ options, out }) {
    out(options["json"] ? JSON.stringify(ALERT_DEFINITIONS) : prometheusRules().trimEnd());
    return 0;
  },
};
