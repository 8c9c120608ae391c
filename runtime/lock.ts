import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
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
      if (!removeOf(holder, path)) return false;
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
 * Removes a dead holder's lock, and never the one that somebody has taken meanwhile: who removes it must hold a lock on
 * being that holder's heir. False while another process is.
 */
function removeOf(dead: ProcessIdentity, path: string): boolean {
  const heir = `${path}.heir-of-${dead.pid}-${dead.startTime}`;
  if (!takeLock(heir)) return false;
  try {
    const now = read(path);
    const same = now?.pid === dead.pid && now.startTime === dead.startTime && now.bootId === dead.bootId;
    if (same) unlinkQuietly(path);
    return true;
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
