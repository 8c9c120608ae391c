import type { Failure } from "../../../models/healing.ts";
import { lockHolder } from "../../../runtime/lock.ts";
import type { PeerHello } from "../../../runtime/mesh/mesh.ts";
import { spineLock } from "../../../runtime/organism.ts";
import { type ProcessIdentity, signal } from "../../../runtime/process-identity.ts";
import { spawnSpine } from "../../../runtime/spawn-spine.ts";
import type { Conductor } from "./conductor.ts";

const CHECK_MS = 1000;
/** Looks that a new spine has time for to introduce itself. */
const PATIENCE = 4;

/** The orchestrator's half of the mutual watch: the spine keeps us alive, and we keep the spine alive. */
export class SpineKeeper {
  readonly #conductor: Conductor;
  #timer: NodeJS.Timeout | undefined;
  #starting = false;
  /** Looks in a row that found no spine. */
  #absent = 0;

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
      void this.#kill(peer, `it has been silent for ${silentFor} ms`);
    });
    mesh.on("up", (peer) => {
      if (peer.role === "spine") this.#starting = false;
    });
    // Also if we came up while there was none.
    this.#timer = setInterval(() => this.#look(), CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get spine(): PeerHello | undefined {
    return this.#conductor.mesh.peer("spine");
  }

  #look(): void {
    const { mesh, organism } = this.#conductor;
    this.#absent = mesh.peer("spine") ? 0 : this.#absent + 1;
    if (this.#absent === 0) return;
    // One that holds the lock and never came onto the mesh hangs, and keeps every other one away.
    const holder = this.#absent > PATIENCE ? lockHolder(spineLock(organism.runFolder)) : undefined;
    if (holder) {
      void this.#kill(holder, `its process ${holder.pid} does not introduce itself`);
      this.#absent = 0;
    }
    void this.#revive("there is none");
  }

  async #kill(spine: ProcessIdentity, why: string): Promise<void> {
    this.#conductor.logger.warn(`the spine is killed: ${why}`);
    await this.#onRecord("hung", "kill-process", why);
    signal(spine, "SIGKILL");
  }

  #onRecord(failure: Failure, action: string, reason: string): Promise<void> | undefined {
    return this.#conductor.healing.onRecord({
      id: "spine",
      target: { node: "spine" },
      failure,
      action,
      attempt: 0,
      reason,
    });
  }

  async #revive(why: string): Promise<void> {
    const { organism, logger, mesh } = this.#conductor;
    if (this.#starting || this.#conductor.isStopping() || mesh.peer("spine")) return;
    this.#starting = true;
    logger.warn(`the spine is started again: ${why}`);
    await this.#onRecord("crashed", "restart-process", why);
    try {
      await spawnSpine(organism);
    } catch (error) {
      logger.error("the spine cannot be started", error);
    }
    // Time to introduce itself before anybody looks again.
    setTimeout(() => {
      this.#starting = false;
    }, 2 * CHECK_MS).unref();
  }
}
