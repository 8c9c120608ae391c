/**
 * The spine: the smallest process that can keep the orchestrator alive, and is kept alive by it. It also owns the
 * private bus. Argument: the data folder. It has no broker, so nothing that services do can hurt it.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { readBus, writeBus } from "../runtime/bus.ts";
import { keepCompiledCode } from "../runtime/compile-cache.ts";
import { lockHolder, takeLock } from "../runtime/lock.ts";
import { Mesh } from "../runtime/mesh/mesh.ts";
import { readOrganism, spineLock } from "../runtime/organism.ts";
import { isAlive, ownIdentity } from "../runtime/process-identity.ts";
import { readSettings } from "../runtime/settings.ts";
import { killLeftovers } from "./leftovers.ts";
import { findNatsServer, NatsServer, newServerState } from "./nats-server.ts";
import { OrchestratorGuard } from "./orchestrator-guard.ts";

const dataDir = process.argv[2]!;
process.title = "azora spine";
for (const ignored of ["SIGINT", "SIGHUP"] as const) process.on(ignored, () => {});

const organism = readOrganism(dataDir)!;
const settings = readSettings();
const log = (message: string) =>
  console.log(
    JSON.stringify({ time: new Date().toISOString(), level: "info", node: "spine", source: "spine", message }),
  );
process.on("uncaughtException", (error) => {
  log(`ends on an error that nobody caught: ${error.stack}`);
  process.exit(70);
});

/** Longest wait for the orchestrator to stop everything, ms; what is left then is killed. */
const STOP_TIMEOUT_MS = 60_000;
const SAY_AGAIN_MS = 250;

if (!isAlone()) {
  log("another spine is running");
  process.exit(0);
}
const mesh = new Mesh({
  folder: organism.runFolder,
  hello: { id: "spine", role: "spine", instanceId: randomUUID(), ...ownIdentity() },
});
await mesh.start();

const nats = await startBus();
const guard = new OrchestratorGuard(organism, mesh, settings.AZORA_HEALING_TIME_SCALE, log);
guard.start();
keepCompiledCode();
log(nats ? `the bus is nats-server on port ${nats.state.port}` : `the bus is ${readBus(organism.runFolder)!.kind}`);

let stopping = false;
process.on("SIGTERM", () => void stop());
mesh.on("message", (_peer, message) => {
  if (message.type === "down") void stop();
});

function isAlone(): boolean {
  const path = spineLock(organism.runFolder);
  try {
    return takeLock(path);
  } catch (error) {
    // On a full disk no lock can be written; what matters more is that somebody keeps the orchestrator alive.
    log(`the lock cannot be written: ${(error as Error).message}`);
    return lockHolder(path) === undefined;
  }
}

async function startBus(): Promise<NatsServer | undefined> {
  const known = readBus(organism.runFolder);
  if (known && !(known.kind === "nats" && known.server)) return undefined;
  const program = findNatsServer();
  if (!known && !program) {
    writeBus(organism.runFolder, { kind: "mesh" });
    return undefined;
  }
  const state = known?.kind === "nats" && known.server ? known.server : await newServerState();
  const server = new NatsServer(organism, program ?? "nats-server", state, log);
  await server.start();
  return server;
}

/** Ends everything: the orchestrator stops services and nodes, what does not follow is killed, the bus goes last. */
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  log("the organism is being stopped");
  guard.release();
  const orchestrator = guard.current;
  if (orchestrator && mesh.send("nervous-1", "stop-organism")) {
    const end = Date.now() + STOP_TIMEOUT_MS;
    for (let said = Date.now(); isAlive(orchestrator) && Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (Date.now() - said < SAY_AGAIN_MS) continue;
      // One that has just been started is on the mesh before it can hear.
      said = Date.now();
      mesh.send("nervous-1", "stop-organism");
    }
  }
  // Before it would be taken for something that is left, and started again.
  await nats?.stop();
  await killLeftovers(organism.dataDir, mesh.peers(), log);
  await mesh.close();
  rmSync(organism.runFolder, { recursive: true, force: true });
  log("everything is stopped");
  process.exit(0);
}
