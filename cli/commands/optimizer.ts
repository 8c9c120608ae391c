import type { CommandGroup } from "../command.ts";
import { analyze } from "./optimizer/analyze.ts";
import { apply, history, optimize, takeBack } from "./optimizer/changes.ts";
import { metrics } from "./optimizer/metrics.ts";
import { cache, memory, pools } from "./optimizer/pools.ts";
import { advice, queries } from "./optimizer/queries.ts";

/** The performance optimizer. Its commands are in `optimizer/`. */
export const optimizer: CommandGroup = {
  name: "optimizer",
  summary: "what is slow and why, what would help, what was changed and what it was worth",
  commands: [metrics, analyze, pools, cache, memory, queries, advice, apply, optimize, history, takeBack],
};
