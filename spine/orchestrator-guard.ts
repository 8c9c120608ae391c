import { restartDelay } from "../runtime/backoff.ts";
import { LoopWatch } from "../runtime/loop-watch.ts";
import type { Mesh, PeerHello } from "../runtime/mesh/mesh.ts";
import { type Organism, readPlan } from "../runtime/organism.ts";
import { isAlive, type ProcessIdentity, signal } from "../runtime/process-identity.ts";
import { spawnNode } from "../runtime/spawn-process.ts";

export const ORCHESTRATOR_NODE = "nervous-1";
/** A start must be seen on the mesh within this time, ms. */
const START_TIMEOUT_MS = 20_000;
const STABLE_MS = 60_000;
const LOOK_EVERY_MS = 500;

/** Keeps the node of the orchestrator alive: starts it, kills it when it hangs, and starts it again. */
export class OrchestratorGuard {
  readonly #organism: Organism;
  readonly #mesh: Mesh;
  readonly #timeScale: number;
  readonly #log: (message: string) => void;
  readonly #loop = new LoopWatch();
  #current: ProcessIdentity | undefined;
  #attempts = 0;
  #pending = false;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;
  #stable: NodeJS.Timeout | undefined;

  constructor(organism: Organism, mesh: Mesh, timeScale: number, log: (message: string) => void) {
    this.#organism = organism;
    this.#mesh = mesh;
    this.#timeScale = timeScale;
    this.#log = log;
  }

  start(): void {
    this.#loop.start();
    this.#mesh.on("up", (peer) => {
      if (peer.id === ORCHESTRATOR_NODE) this.#arrived(peer);
    });
    this.#mesh.on("down", (peer) => {
      if (peer.id === ORCHESTRATOR_NODE) this.#ended(peer, "its socket closed");
    });
    this.#mesh.on("hung", (peer, silentFor) => {
      if (peer.id !== ORCHESTRATOR_NODE || this.#loop.isLate()) return;
      this.#log(`${peer.id} has been silent for ${silentFor} ms and is killed`);
      signal(peer, "SIGKILL", true);
    });
    // One that never reached the mesh has no socket to close.
    this.#timer = setInterval(() => {
      if (this.#current && !isAlive(this.#current)) this.#ended(this.#current, "its process ended");
    }, LOOK_EVERY_MS);
    const there = this.#mesh.peer(ORCHESTRATOR_NODE);
    if (there) this.#arrived(there);
    else void this.#spawn();
  }

  /** Its end is wanted from now on. */
  release(): void {
    this.#stopping = true;
    clearInterval(this.#timer);
    clearTimeout(this.#stable);
    this.#loop.stop();
  }

  get current(): ProcessIdentity | undefined {
    return this.#current;
  }

  #arrived(peer: PeerHello): void {
    const { pid, startTime, bootId } = peer;
    this.#current = { pid, startTime, bootId };
    clearTimeout(this.#stable);
    this.#stable = setTimeout(() => {
      this.#attempts = 0;
    }, STABLE_MS * this.#timeScale);
  }

  #ended(identity: ProcessIdentity, how: string): void {
    if (this.#stopping || this.#pending || this.#current?.pid !== identity.pid) return;
    clearTimeout(this.#stable);
    signal(identity, "SIGKILL", true);
    this.#attempts++;
    const delay = restartDelay(this.#attempts, this.#timeScale);
    this.#log(`${ORCHESTRATOR_NODE} is gone (${how}); attempt ${this.#attempts} in ${Math.round(delay)} ms`);
    this.#pending = true;
    setTimeout(() => void this.#spawn(), delay);
  }

  async #spawn(): Promise<void> {
    this.#pending = false;
    if (this.#stopping) return;
    try {
      const { identity } = await spawnNode(
        ORCHESTRATOR_NODE,
        "nervous",
        this.#organism,
        readPlan(this.#organism.dataDir),
      );
      this.#current = identity;
      setTimeout(() => {
        if (this.#current !== identity || this.#mesh.peer(ORCHESTRATOR_NODE)) return;
        this.#log(`${ORCHESTRATOR_NODE} did not come up within ${START_TIMEOUT_MS} ms and is killed`);
        signal(identity, "SIGKILL", true);
      }, START_TIMEOUT_MS).unref();
    } catch (error) {
      this.#log(`${ORCHESTRATOR_NODE} cannot be started: ${(error as Error).message}`);
      this.#attempts++;
      setTimeout(() => void this.#spawn(), restartDelay(this.#attempts, this.#timeScale));
    }
  }
}
