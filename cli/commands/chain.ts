import type { CommandGroup } from "../command.ts";
import { checkpoint } from "./chain/checkpoint.ts";

/** The audit chain. Each command has a file of its own in `chain/`. */
export const chain: CommandGroup = {
  name: "chain",
  summary: "the audit chain: reads it, checks it, adds to it",
  commands: [checkpoint],
};
