import type { CommandGroup } from "../command.ts";
import { check } from "./alerts/check.ts";
import { definitions } from "./alerts/definitions.ts";
import { list } from "./alerts/list.ts";
import { rules } from "./alerts/rules.ts";
import { ack, silence, silences, unsilence } from "./alerts/silence.ts";

/** Alerts. The commands are in `alerts/`. */
export const alerts: CommandGroup = {
  name: "alerts",
  summary: "what is wrong and since when; who knows of it, and what shall not be told; what is an alert",
  commands: [list, ack, silence, silences, unsilence, definitions, check, rules],
};
