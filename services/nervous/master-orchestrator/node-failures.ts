import type { Failure } from "../../../models/healing.ts";
import type { PeerHello } from "../../../runtime/mesh/mesh.ts";
import type { KeeperContext } from "./keeper-context.ts";
import { killOnRecord } from "./kill-on-record.ts";
import type { NodeState } from "./organism-state.ts";
import { ORCHESTRATOR_NODE } from "./placement.ts";

/** Why a process ended, or has to. */
export interface Verdict {
  failure: Failure;
  /** How long nothing had come from it, ms. */
  silentFor: number;
  /** Where more is known than how it ended. */
  why?: string;
}

/** Silence that a node is allowed while it loads services, ms. */
const HUNG_WHILE_LOADING_MS = 10_000;
/** Time that the process of an ill node gets to end by itself, ms. */
const SICK_GRACE_MS = 2000;
/** Time in which a node must be reachable again after its connection was made anew, ms. */
const RECONNECT_MS = 5000;

/** Judges nodes that hang, die, are ill as a whole or cannot be reached, and ends their processes where that helps. */
export class NodeFailures {
  readonly #context: KeeperContext;
  readonly #isLoadingOn: (node: string) => boolean;
  readonly #remoteLost: (node: NodeState, why: string) => void;
  readonly #verdicts = new Map<string, Verdict>();
  /** Nodes that were told to connect to the bus anew, and how to stop waiting for that. */
  readonly #reconnecting = new Map<string, () => void>();

  constructor(
    context: KeeperContext,
    isLoadingOn: (node: string) => boolean,
    remoteLost: (node: NodeState, why: string) => void,
  ) {
    this.#context = context;
    this.#isLoadingOn = isLoadingOn;
    this.#remoteLost = remoteLost;
  }

  /** What is known of the end of a node, which is told once. */
  take(id: string): Verdict | undefined {
    const verdict = this.#verdicts.get(id);
    this.#verdicts.delete(id);
    this.#forgetReconnect(id);
    return verdict;
  }

  /** It did not come up in time. */
  late(id: string, after: number): void {
    this.#verdicts.set(id, { failure: "start timeout", silentFor: after });
    this.#kill(id, "start timeout", `it was not on the bus within ${after / 1000} s`);
  }

  /** Its socket is open, but nothing comes from it. */
  hung(peer: PeerHello, silentFor: number): void {
    const node = this.#context.state.nodes.get(peer.id);
    if (!node || node.id === ORCHESTRATOR_NODE || this.#context.isLate()) return;
    // Loading modules and opening stores may hold up a starting node's loop for a while, on a busy machine above all.
    const isLoading = node.status === "starting" || this.#isLoadingOn(node.id);
    if (isLoading && silentFor < HUNG_WHILE_LOADING_MS) return;
    node.status = "hung";
    node.why = `it has been silent for ${(silentFor / 1000).toFixed(1)} s; its process is killed`;
    this.#verdicts.set(node.id, { failure: "hung", silentFor });
    tellNode(this.#context, node);
    this.#kill(node.id, "hung", node.why);
  }

  /** Its socket has closed: the process is dead. */
  lost(peer: PeerHello, lastSeen: number): void {
    // Its end may have been noticed another way already, and a new life begun.
    if (this.#context.fleet.get(peer.id)?.identity.pid !== peer.pid) return;
    if (!this.#verdicts.has(peer.id))
      this.#verdicts.set(peer.id, { failure: "crashed", silentFor: Date.now() - lastSeen });
    this.#context.fleet.declareGone(peer.id);
  }

  /** Many of its services failed at once: the process is at fault, and is started again as one. */
  async sick(node: NodeState, why: string): Promise<void> {
    if (node.status !== "up" || this.#verdicts.has(node.id)) return;
    this.#verdicts.set(node.id, { failure: "unhealthy", silentFor: 0, why });
    node.why = `${why}; its process is restarted`;
    const recorded = this.#context.healing.onRecord({
      id: node.id,
      target: { node: node.id },
      failure: "unhealthy",
      action: "restart-process",
      attempt: 0,
      reason: why,
    });
    if (recorded) await recorded;
    await this.#context.fleet.terminate(node.id, SICK_GRACE_MS);
  }

  /**
   * It lives, but nobody reaches it over the bus. First its connection is made anew; if that does not help, it is killed
   * and started again. A node of another machine is given up until it is heard of.
   */
  unreachable(id: string, silentFor: number, why: string): void {
    const { state, broker, mesh, clock, healing, isLate } = this.#context;
    const node = state.nodes.get(id);
    if (!node || node.id === ORCHESTRATOR_NODE || node.status !== "up" || isLate()) return;
    if (node.remote) {
      const known = broker.registry.nodes.get(id) as unknown as { instanceID?: string } | undefined;
      void broker.broadcast("node-host.lost", { id, instanceID: known?.instanceID ?? "" });
      this.#remoteLost(node, why);
      return;
    }
    if (this.#reconnecting.has(id)) return;
    node.why = `${why}; its connection to the bus is made anew`;
    const recorded = healing.onRecord({
      id,
      target: { node: id },
      failure: "unreachable",
      action: "reconnect",
      attempt: 0,
      reason: why,
    });
    if (!recorded) mesh.send(id, "reconnect-bus");
    else void recorded.then(() => this.#reconnecting.get(id) === cancel && mesh.send(id, "reconnect-bus"));
    const cancel = clock.after(RECONNECT_MS, () => {
      this.#verdicts.set(id, { failure: "unreachable", silentFor: silentFor + RECONNECT_MS, why });
      this.#kill(id, "unreachable", why);
    });
    this.#reconnecting.set(id, cancel);
  }

  /** It answers again. */
  reachable(id: string): void {
    const node = this.#context.state.nodes.get(id);
    if (this.#forgetReconnect(id) && node?.status === "up") node.why = "";
  }

  #kill(id: string, failure: Failure, reason: string): void {
    killOnRecord(this.#context, id, { target: { node: id }, failure, reason });
  }

  #forgetReconnect(id: string): boolean {
    this.#reconnecting.get(id)?.();
    return this.#reconnecting.delete(id);
  }
}

/** Tells everybody what has become of a node. */
export function tellNode({ broker }: KeeperContext, { id, status, why }: NodeState): void {
  void broker.emit("organism.node", { id, status, why, at: new Date().toISOString() });
}
