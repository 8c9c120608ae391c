import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** Stands for a holder where the lock is torn or empty, as a crash of the machine may leave it. */
const NOBODY: ProcessIdentity = { pid: 0, startTime: "0", bootId: "" };
const TRIES = 10;

/**
 * Takes a lock that its holder cannot leave behind: it names the holder's process, and a dead one's is void. Returns
 * false while another living process holds it or is about to.
 */
export function takeLock(path: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(ownIdentity()), { mode: 0o600 });
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      // A link is made whole or not at all, so the lock never lacks its holder's name.
      if (linked(own, path)) return true;
      const holder = read(path);
      if (!holder) continue;
      if (isAlive(holder)) return holder.pid === process.pid;
      const outcome = inherit(holder, path, own);
      if (outcome !== "changed") return outcome === "taken";
    }
    return false;
  } finally {
    unlinkQuietly(own);
  }
}

/** The process that holds the lock, if it lives. */
export function lockHolder(path: string): ProcessIdentity | undefined {
  const holder = read(path);
  return holder && isAlive(holder) ? holder : undefined;
}

/**
 * Replaces a dead holder's lock by our own, and never the one that somebody has taken meanwhile: who replaces it must
 * hold a lock on being that holder's heir. `refused` while another process is.
 */
function inherit(dead: ProcessIdentity, path: string, own: string): "taken" | "changed" | "refused" {
  const heir = `${path}.heir-of-${dead.pid}-${dead.startTime}`;
  if (!takeLock(heir)) return "refused";
  try {
    const now = read(path);
    const same = now?.pid === dead.pid && now.startTime === dead.startTime && now.bootId === dead.bootId;
    if (!same) return "changed";
    renameSync(own, path);
    return "taken";
  } finally {
    unlinkQuietly(heir);
  }
}

function linked(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(path: string): ProcessIdentity | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity | null;
    return typeof holder?.pid === "number" ? holder : NOBODY;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : NOBODY;
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already
  }
}
