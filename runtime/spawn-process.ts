import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "./discovery/plan.ts";
import { openLog } from "./logger.ts";
import { nodeFlags, ownModule } from "./node-executable.ts";
import type { Organism } from "./organism.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { projectEnvironment } from "./project.ts";

export interface Spawned {
  child: ChildProcess;
  identity: ProcessIdentity;
}

export interface SpawnOptions {
  command: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** File that takes the output. */
  log: string;
}

/**
 * Starts a process that outlives this one: a session of its own, and its output in a file, since a pipe that nobody
 * reads would block it. Throws if it cannot be started.
 */
export async function spawnDetached({ command, args, cwd, env, log }: SpawnOptions): Promise<Spawned> {
  const output = openLog(log);
  try {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.on("error", () => {});
    child.unref();
    const identity = identify(child.pid!) ?? { pid: child.pid!, startTime: "0", bootId: "ended" };
    return { child, identity };
  } finally {
    closeSync(output);
  }
}

/** Starts the process of a node. */
export function spawnNode(id: string, organ: string, organism: Organism, plan: Plan): Promise<Spawned> {
  const { project } = plan;
  const foreign = project.foreign && id !== "nervous-1";
  return spawnDetached({
    command: process.execPath,
    args: [...nodeFlags(project.foreign), ownModule("runtime/node"), id, organ, organism.dataDir],
    cwd: foreign ? project.root : process.cwd(),
    env: foreign ? projectEnvironment(project) : process.env,
    log: join(organism.logDir, `${id}.log`),
  });
}
