import { readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "./durable-file.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** How the nodes of an organism reach each other; kept in `run/bus.json`, mode 0600, because it holds credentials. */
export type Bus =
  | { kind: "mesh" }
  | { kind: "nats"; url: string /** Set where the server is our own. */; server?: NatsServerState };

export interface NatsServerState {
  port: number;
  user: string;
  password: string;
  process?: ProcessIdentity;
}

export function readBus(runFolder: string): Bus | undefined {
  try {
    return JSON.parse(readFileSync(join(runFolder, "bus.json"), "utf8"));
  } catch {
    return undefined;
  }
}

export function writeBus(runFolder: string, bus: Bus): void {
  replaceFile(join(runFolder, "bus.json"), JSON.stringify(bus));
}
