import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";

/** Who listens on a TCP port of this machine, in words; undefined if nobody does. */
export async function listenerOf(port: number): Promise<string | undefined> {
  return (await isFree(port)) ? undefined : (portHolder(port) ?? "another program");
}

/** The program that listens on a port. Undefined where that cannot be seen: another user's, another system's. */
export function portHolder(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  const pid = entries("/proc").find(
    (name) =>
      /^\d+$/.test(name) && entries(`/proc/${name}/fd`).some((fd) => inodes.has(link(`/proc/${name}/fd/${fd}`))),
  );
  return pid && `${commandLine(pid)} (pid ${pid})`;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** Lines of /proc/net/tcp: `sl local_address rem_address st … inode`; state 0A is LISTEN. */
function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const found = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of read(file).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === "0A" && fields[1]?.endsWith(`:${wanted}`)) found.add(`socket:[${fields[9]}]`);
    }
  }
  return found;
}

function commandLine(pid: string): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim().slice(0, 80) || "a process";
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
