import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Column and value of a listening socket in /proc/net/tcp: https://docs.kernel.org/networking/proc_net_tcp.html */
const LISTEN = "0A";

/**
 * Who listens on a port: `node (pid 4711)`. Undefined where that cannot be seen: another user's process, another
 * system than Linux.
 */
export function portHolder(port: number): string | undefined {
  try {
    const sockets = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
    if (sockets.size === 0) return undefined;
    const pid = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && holdsOneOf(entry, sockets));
    return pid && `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
  } catch {
    return undefined;
  }
}

function listeningInodes(table: string, port: number): string[] {
  return readFileSync(`/proc/net/${table}`, "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && Number.parseInt(local!.split(":")[1]!, 16) === port)
    .map((columns) => `socket:[${columns[9]}]`);
}

function holdsOneOf(pid: string, sockets: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false; // closed meanwhile
      }
    });
  } catch {
    return false; // not ours, or gone
  }
}
