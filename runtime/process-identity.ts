import { readdirSync, readFileSync } from "node:fs";

/** What makes a process that process: a pid alone is reused, and survives no reboot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot at which the process started (field 22 of /proc/<pid>/stat). */
  startTime: string;
  bootId: string;
}

let bootId: string | undefined;

function currentBootId(): string {
  bootId ??= readOr("/proc/sys/kernel/random/boot_id", "unknown").trim();
  return bootId;
}

/** The identity of a process that runs now, or undefined if none does. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && stat.state !== "Z" && stat.state !== "X"
    ? { pid, startTime: stat.startTime, bootId: currentBootId() }
    : undefined;
}

export function ownIdentity(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, startTime: "0", bootId: currentBootId() };
}

/** True while the very process runs: same start, same boot, and no zombie (a zombie still answers `kill(pid, 0)`). */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Sends a signal only to the very process, never to one that got its pid. Returns whether it was sent. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals, group = false): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(group ? -identity.pid : identity.pid, name);
    return true;
  } catch {
    return group ? signal(identity, name) : false;
  }
}

/**
 * Kills what a process left in its session: a program's workers, whatever a service has spawned. To be called when the
 * leader is gone; a pid that was given to somebody else since then is left alone.
 */
export function killSession(leader: ProcessIdentity): void {
  const now = readStat(leader.pid);
  if (leader.bootId !== currentBootId() || (now && now.startTime !== leader.startTime)) return;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === leader.pid) continue;
    const stat = readStat(pid);
    if (stat?.session !== String(leader.pid) || stat.state === "Z") continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone already
    }
  }
}

/** `pid (comm) state ppid …`; comm may hold blanks and parentheses, so fields count from the last `)`. */
function readStat(pid: number): { state: string; session: string; startTime: string } | undefined {
  const text = readOr(`/proc/${pid}/stat`, "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, session, startTime] = [fields[0], fields[3], fields[19]];
  return text !== "" && state && session && startTime ? { state, session, startTime } : undefined;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
