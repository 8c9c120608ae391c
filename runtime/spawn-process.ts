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

/** The orchestrator's node collects its garbage in small portions: it is to stay small, and has time. */
const SMALL_YOUNG_GENERATION = "--max-semi-space-size=4";

/** Starts the process of a node. */
export function spawnNode(id: string, organ: string, organism: Organism, plan: Plan): Promise<Spawned> {
  const { project } = plan;
  const runtimeOnly = id === "nervous-1";
  const foreign = project.foreign && !runtimeOnly;
  // It runs Azora's own code alone, but may have to read the project's serialiser from a configuration in TypeScript.
  const flags = runtimeOnly
    ? [...nodeFlags(project.config?.endsWith(".ts") ?? false), SMALL_YOUNG_GENERATION]
    : nodeFlags(foreign);
  return spawnDetached({
    command: process.execPath,
    args: [...flags, ownModule("runtime/node"), id, organ, organism.dataDir],
    cwd: foreign ? project.root : process.cwd(),
    env: foreign ? projectEnvironment(project) : process.env,
    log: join(organism.logDir, `${id}.log`),
  });
}
