import type { CommandGroup } from "../command.ts";
import { accounted } from "./chain/accounted.ts";
import { beginAnew } from "./chain/begin-anew.ts";
import { capture } from "./chain/capture.ts";
import { checkpoint } from "./chain/checkpoint.ts";
import { erase, prune } from "./chain/erase.ts";
import { exportEntries } from "./chain/export.ts";
import { incident } from "./chain/incident.ts";
import { keys, revoke, rotate } from "./chain/keys.ts";
import { log } from "./chain/log.ts";
import { proof } from "./chain/proof.ts";
import { query } from "./chain/query.ts";
import { show } from "./chain/show.ts";
import { stats } from "./chain/stats.ts";
import { tail } from "./chain/tail.ts";
import { verify } from "./chain/verify.ts";
import { witness } from "./chain/witness.ts";

/** The audit chain. Each command has a file of its own in `chain/`. */
export const chain: CommandGroup = {
  name: "chain",
  summary: "the audit chain: reads it, checks it, adds to it",
  commands: [
    tail,
    query,
    show,
    incident,
    exportEntries,
    proof,
    verify,
    checkpoint,
    stats,
    accounted,
    log,
    keys,
    rotate,
    revoke,
    erase,
    prune,
    capture,
    witness,
    beginAnew,
  ],
};
