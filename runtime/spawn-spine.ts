import { join } from "node:path";
import { NODE_FLAGS, ownModule } from "./node-executable.ts";
import type { Organism } from "./organism.ts";
import { type Spawned, spawnDetached } from "./spawn-process.ts";

/** Starts the spine. One that finds another one running ends by itself. */
export function spawnSpine(organism: Organism, env: NodeJS.ProcessEnv = process.env): Promise<Spawned> {
  return spawnDetached({
    command: process.execPath,
    args: [...NODE_FLAGS, ownModule("spine/spine"), organism.dataDir],
    cwd: process.cwd(),
    env,
    log: join(organism.logDir, "spine.log"),
  });
}
