import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { isAlive, ownIdentity, type ProcessIdentity } from "../runtime/process-identity.ts";

/**
 * Takes a lock that its holder cannot leave behind: it names the holder's process, and a dead one's is void. Returns
 * false while another living process holds it.
 */
export function takeLock(path: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(ownIdentity()), { mode: 0o600 });
  try {
    for (let tries = 0; tries < 3; tries++) {
      try {
        // A link is made whole or not at all, so the lock never lacks its holder's name.
        linkSync(own, path);
        return true;
      } catch {
        const holder = read(path);
        if (holder && isAlive(holder)) return holder.pid === process.pid;
        unlinkQuietly(path);
      }
    }
    return false;
  } finally {
    unlinkQuietly(own);
  }
}

function read(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already
  }
}
