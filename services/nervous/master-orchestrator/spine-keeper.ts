import { join } from "node:path";
import type { PeerHello } from "../../../runtime/mesh/mesh.ts";
import { nodeFlags, ownModule } from "../../../runtime/node-executable.ts";
import { signal } from "../../../runtime/process-identity.ts";
import { spawnDetached } from "../../../runtime/spawn-process.ts";
import type { Conductor } from "./conductor.ts";

const CHECK_MS = 1000;

/** The orchestrator's half of the mutual watch: the spine keeps us alive, and we keep the spine alive. */
export class SpineKeeper {
  readonly #conductor: Conductor;
  #timer: NodeJS.Timeout | undefined;
  #starting = false;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  start(): void {
    const { mesh } = this.#conductor;
    mesh.on("down", (peer) => {
      if (peer.role === "spine") void this.#revive("its socket closed");
    });
    mesh.on("hung", (peer, silentFor) => {
      if (peer.role !== "spine" || this.#conductor.isLate()) return;
      this.#conductor.logger.warn(`the spine has been silent for ${silentFor} ms; it is killed`);
      signal(peer, "SIGKILL");
    });
    // Also if we came up while there was none.
    this.#timer = setInterval(() => {
      if (!mesh.peer("spine")) void this.#revive("there is none");
    }, CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get spine(): PeerHello | undefined {
    return this.#conductor.mesh.peer("spine");
  }

  async #revive(why: string): Promise<void> {
    const { organism, logger, mesh } = this.#conductor;
    if (this.#starting || this.#conductor.isStopping() || mesh.peer("spine")) return;
    this.#starting = true;
    logger.warn(`the spine is started again: ${why}`);
    try {
      await spawnDetached({
        command: process.execPath,
        args: [...nodeFlags(false), ownModule("spine/spine"), organism.dataDir],
        cwd: process.cwd(),
        env: process.env,
        log: join(organism.logDir, "spine.log"),
      });
    } catch (error) {
      logger.error("the spine cannot be started", error);
    }
    // Time to introduce itself before anybody looks again.
    setTimeout(() => {
      this.#starting = false;
    }, 2 * CHECK_MS).unref();
  }
}
