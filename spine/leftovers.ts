import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerHello } from "../runtime/mesh/mesh.ts";
import { runFolderOf } from "../runtime/organism.ts";
import { identify, isAlive, killSession, type ProcessIdentity, signal } from "../runtime/process-identity.ts";

const GRACE_MS = 5000;

/** Looks for processes that others have started while they were ended themselves. */
const MOST_LOOKS = 5;

/**
 * Ends every process of the organism that the journal or the mesh knows and that still lives: SIGTERM, and after a
 * grace time SIGKILL to its group. Returns how many there were.
 */
export async function killLeftovers(
  dataDir: string,
  peers: readonly PeerHello[],
  log: (message: string) => void,
): Promise<number> {
  let ended = 0;
  for (let look = 0; look < MOST_LOOKS; look++) {
    const left = leftovers(dataDir, peers);
    if (left.length === 0) break;
    log(`${left.length} processes are left and are ended: ${left.map(({ pid }) => pid).join(", ")}`);
    await end(left);
    ended += left.length;
  }
  return ended;
}

function leftovers(dataDir: string, peers: readonly PeerHello[]): ProcessIdentity[] {
  const known = new Map<number, ProcessIdentity>();
  for (const identity of journalled(dataDir)) known.set(identity.pid, identity);
  for (const peer of peers) if (peer.role !== "guest") known.set(peer.pid, peer);
  for (const identity of strays(dataDir)) known.set(identity.pid, identity);
  known.delete(process.pid);
  return [...known.values()].filter(isAlive);
}

async function end(left: readonly ProcessIdentity[]): Promise<void> {
  // These two start again whatever ends; given time, they would do so until they end themselves.
  for (const identity of left) if (REVIVES.test(commandOf(identity.pid))) signal(identity, "SIGKILL", true);
  for (const identity of left) signal(identity, "SIGTERM");
  const until = Date.now() + GRACE_MS;
  while (left.some(isAlive) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const identity of left) signal(identity, "SIGKILL", true);
  while (left.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const identity of left) killSession(identity);
}

const REVIVES = /^azora (spine|nervous-1)\b|\/spine\/spine\.[jt]s\b|\/runtime\/node\.[jt]s nervous-1\b/;
const OWN_PROCESS = /^azora (spine|[a-z]+-\d+)\b|\/spine\/spine\.[jt]s\b|\/runtime\/node\.[jt]s\b/;

/** Processes of this data folder that nothing else knows of any longer, because its run folder was removed for example. */
function strays(dataDir: string): ProcessIdentity[] {
  const mark = `AZORA_DATA_DIR=${dataDir}`;
  const bus = join(runFolderOf(dataDir), "nats.conf");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const command = commandOf(pid);
      if (command.includes("nats-server") && command.includes(bus)) return true;
      return OWN_PROCESS.test(command) && read(`/proc/${pid}/environ`).split("\0").includes(mark);
    })
    .flatMap((pid) => identify(Number(pid)) ?? []);
}

function commandOf(pid: string | number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Processes that were started and whose end is not in the journal. */
function journalled(dataDir: string): ProcessIdentity[] {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "orchestrator", "journal.ndjson"), "utf8");
  } catch {
    return [];
  }
  const processes = new Map<string, ProcessIdentity>();
  for (const line of text.split("\n")) {
    try {
      const record = JSON.parse(line);
      if (record.type === "snapshot") {
        processes.clear();
        for (const [key, { identity }] of Object.entries<{ identity: ProcessIdentity }>(record.state.processes))
          processes.set(key, identity);
      } else if (record.type === "process") processes.set(record.key, record.identity);
      else if (record.type === "gone") processes.delete(record.key);
      else if (record.type === "down") processes.clear();
    } catch {
      // the torn last line of a crash
    }
  }
  return [...processes.values()];
}
