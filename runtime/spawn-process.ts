import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { carriesRuntimeOnly, type Plan } from "./discovery/plan.ts";
import { openLog } from "./log-file.ts";
import { NODE_FLAGS, ownModule } from "./node-executable.ts";
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

export interface NodeProcessOptions {
  /** Most heap of the process, MB. @default Node's own */
  memoryLimitMB?: number;
  /** Scheduling priority, -20 (first) to 19 (last). @default that of the parent */
  niceness?: number;
}

/** Starts the process of a node. */
export async function spawnNode(
  id: string,
  organ: string,
  organism: Organism,
  plan: Plan,
  { memoryLimitMB, niceness }: NodeProcessOptions = {},
): Promise<Spawned> {
  const { project } = plan;
  const runtimeOnly = carriesRuntimeOnly(id, project);
  const foreign = project.foreign && !runtimeOnly;
  const flags = [...NODE_FLAGS, ...(runtimeOnly ? [SMALL_YOUNG_GENERATION] : [])];
  if (memoryLimitMB) flags.push(`--max-old-space-size=${memoryLimitMB}`);
  const spawned = await spawnDetached({
    command: process.execPath,
    args: [...flags, ownModule("runtime/node"), id, organ, organism.dataDir],
    cwd: foreign ? project.root : process.cwd(),
    env: foreign ? projectEnvironment(project) : process.env,
    log: join(organism.logDir, `${id}.log`),
  });
  if (niceness !== undefined) renice(spawned.identity.pid, niceness);
  return spawned;
}

/** Changes a process's priority as far as this user may. Returns what it has then. */
export function renice(pid: number, niceness: number): number {
  try {
    setPriority(pid, niceness);
  } catch {
    // Only root may raise a priority; what it is now is told.
  }
  try {
    return getPriority(pid);
  } catch {
    return 0;
  }
}
