import type { CommandGroup } from "../command.ts";
import { add, check } from "./rules/add.ts";
import { disable, enable, remove, restore, shadow } from "./rules/change.ts";
import { executions, held, run } from "./rules/executions.ts";
import { list, show } from "./rules/list.ts";
import { replay } from "./rules/replay.ts";
import { test } from "./rules/test.ts";
import { why } from "./rules/why.ts";

/** The symbiotic rules. Their commands are in `rules/`. */
export const rules: CommandGroup = {
  name: "rules",
  summary: "the rules that keep the organism: shows, checks, tests, replays and changes them",
  commands: [
    list,
    show,
    why,
    add,
    check,
    test,
    replay,
    enable,
    shadow,
    disable,
    remove,
    restore,
    run,
    executions,
    held,
  ],
};
