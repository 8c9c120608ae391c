import type { Clock } from "../../../runtime/clock.ts";
import { PhiAccrual } from "./phi-accrual.ts";

/** What the watch must be able to ask and say. No answer of a port is an error. */
export interface WatchPorts {
  /** Up to two living nodes, other than this one and the suspected. */
  witnesses(suspected: string): string[];
  /** Whether the witness reaches the node; undefined where the witness itself gives no answer. */
  reach(witness: string, node: string): Promise<boolean | undefined>;
  /** Whether this process reaches the node; undefined where it has no bus itself. */
  ping(node: string): Promise<boolean | undefined>;
  /** True while this process was late itself. */
  isLate(): boolean;
  unreachable(event: NodeUnreachable): void;
  reachable(event: { id: string }): void;
}

/** `health.node.unreachable`: nobody who was asked reaches the node. */
export interface NodeUnreachable {
  id: string;
  /** Absent where it was not silence that raised the suspicion. */
  phi?: number;
  /** ms */
  silentFor: number;
  /** Nodes that tried in vain. */
  confirmedBy: string[];
  /** ISO 8601 */
  at: string;
}

export interface WatchedNode {
  id: string;
  status: "trusted" | "suspected" | "unreachable";
  /** Of nodes on other machines, whose heartbeats are watched. */
  phi?: number;
  /** ms */
  silentFor: number;
}

/** A node of another machine, as the registry knows it. */
export interface RemoteNode {
  id: string;
  instanceId: string;
  /** False once it has left, or Moleculer's own heartbeat has given it up. */
  available: boolean;
}

/** Rounds without an answer to the health monitor after which a node is suspected. */
const ROUNDS_UNANSWERED = 3;
/** A suspicion that was not confirmed is looked into again after this time, ms. */
const ASK_AGAIN_MS = 2000;

interface Watched {
  id: string;
  status: WatchedNode["status"];
  /** Present for nodes on other machines. */
  heartbeat?: { accrual: PhiAccrual; instanceId: string };
  unanswered: number;
  answeredAt: number;
  /** What the node was called unreachable for: only the return of that is its recovery. */
  reason?: "silence" | "answers";
  /** A second opinion is being taken; a sign of life makes another of it. */
  asking: object | undefined;
  askAgainAt: number;
}

/**
 * Suspects nodes whose heartbeats fail to come (other machines) or that do not answer (all), and calls them unreachable
 * only when others cannot reach them either.
 */
export class NodeWatch {
  readonly #clock: Clock;
  readonly #ports: WatchPorts;
  readonly #nodes = new Map<string, Watched>();

  constructor(clock: Clock, ports: WatchPorts) {
    this.#clock = clock;
    this.#ports = ports;
  }

  /** A heartbeat of a node on another machine came. A new life of it begins with a fresh detector. */
  heartbeat(id: string, instanceId: string): void {
    const now = this.#clock.now();
    const node = this.#node(id);
    if (node.heartbeat?.instanceId === instanceId) {
      // What queued up while this process was away comes all at once, and would look like a fast heart.
      if (this.#ports.isLate()) node.heartbeat.accrual.excuse(now);
      else node.heartbeat.accrual.beat(now);
    } else {
      node.heartbeat = { accrual: new PhiAccrual(now), instanceId };
      node.unanswered = 0;
      this.#alive(node);
    }
    if (node.reason !== "answers") this.#alive(node);
  }

  /** The node answered how its services are. */
  answered(id: string): void {
    const node = this.#node(id);
    node.unanswered = 0;
    node.answeredAt = this.#clock.now();
    if (node.reason === "answers") this.#alive(node);
  }

  /** The node was asked how its services are, and no answer came. */
  unanswered(id: string): void {
    if (!this.#ports.isLate()) this.#node(id).unanswered++;
    this.look();
  }

  /** The nodes of other machines that are known now. Each is waited for; one that left in peace is not. */
  remotes(known: readonly RemoteNode[]): void {
    const present = new Map(known.map((remote) => [remote.id, remote]));
    for (const node of this.#nodes.values()) {
      const remote = present.get(node.id);
      if (node.heartbeat && !remote?.available && !(remote && node.status === "unreachable"))
        this.#nodes.delete(node.id);
    }
    for (const { id, instanceId, available } of known)
      if (available && !this.#nodes.get(id)?.heartbeat) this.heartbeat(id, instanceId);
  }

  /** Whom to ask in this round: those who are up, and those who were called unreachable while they are still known. */
  toAsk(up: readonly string[], isKnown: (id: string) => boolean): Set<string> {
    const asked = new Set(up);
    for (const { id, heartbeat, status } of this.#nodes.values()) {
      if (heartbeat || asked.has(id)) continue;
      if (status === "unreachable" && isKnown(id)) asked.add(id);
      else this.#nodes.delete(id);
    }
    return asked;
  }

  /** Looks who is silent. To be called several times a second. */
  look(): void {
    const now = this.#clock.now();
    if (this.#ports.isLate()) {
      for (const { heartbeat } of this.#nodes.values()) heartbeat?.accrual.excuse(now);
      return;
    }
    for (const node of this.#nodes.values()) {
      const reason = reasonOf(node, now);
      if (!reason) {
        if (node.status === "suspected") this.#alive(node);
      } else if (node.status !== "unreachable" && !node.asking && now >= node.askAgainAt) {
        node.status = "suspected";
        void this.#secondOpinion(node, reason);
      }
    }
  }

  /** True unless there is something against the node. */
  trusts(id: string): boolean {
    return (this.#nodes.get(id)?.status ?? "trusted") === "trusted";
  }

  nodes(): WatchedNode[] {
    const now = this.#clock.now();
    return [...this.#nodes.values()].map((node) => ({
      id: node.id,
      status: node.status,
      ...(node.heartbeat ? { phi: rounded(node.heartbeat.accrual.phi(now)) } : {}),
      silentFor: silentFor(node, now),
    }));
  }

  async #secondOpinion(node: Watched, reason: "silence" | "answers"): Promise<void> {
    const asking = {};
    node.asking = asking;
    const witnesses = this.#ports.witnesses(node.id).slice(0, 2);
    const opinions = await Promise.all(
      witnesses.map(async (witness) => ({ witness, reached: await this.#ports.reach(witness, node.id) })),
    );
    let confirmedBy = opinions.filter(({ reached }) => reached === false).map(({ witness }) => witness);
    let reached = opinions.some((opinion) => opinion.reached === true);
    if (!reached && confirmedBy.length === 0) {
      // Nobody could say: what remains is the own eye.
      const own = await this.#ports.ping(node.id);
      reached = own !== false;
      confirmedBy = ["health-monitor"];
    }
    if (node.asking !== asking || this.#nodes.get(node.id) !== node) return;
    node.asking = undefined;
    const now = this.#clock.now();
    node.askAgainAt = now + ASK_AGAIN_MS;
    if (reached || this.#ports.isLate()) return;
    node.status = "unreachable";
    node.reason = reason;
    this.#ports.unreachable({
      id: node.id,
      ...(reason === "silence" ? { phi: rounded(node.heartbeat!.accrual.phi(now)) } : {}),
      silentFor: silentFor(node, now),
      confirmedBy,
      at: new Date(now).toISOString(),
    });
  }

  #alive(node: Watched): void {
    const was = node.status;
    node.status = "trusted";
    node.asking = undefined;
    node.askAgainAt = 0;
    delete node.reason;
    if (was === "unreachable") this.#ports.reachable({ id: node.id });
  }

  #node(id: string): Watched {
    let node = this.#nodes.get(id);
    if (!node) {
      const now = this.#clock.now();
      node = { id, status: "trusted", unanswered: 0, answeredAt: now, asking: undefined, askAgainAt: 0 };
      this.#nodes.set(id, node);
    }
    return node;
  }
}

function reasonOf(node: Watched, now: number): "silence" | "answers" | undefined {
  if (node.heartbeat?.accrual.suspects(now)) return "silence";
  return node.unanswered >= ROUNDS_UNANSWERED ? "answers" : undefined;
}

/** Time since the last sign of life of the kind that is watched. */
function silentFor({ heartbeat, answeredAt }: Watched, now: number): number {
  return heartbeat ? heartbeat.accrual.silentFor(now) : now - answeredAt;
}

function rounded(phi: number): number {
  return Math.round(phi * 1000) / 1000;
}
