import { randomUUID } from "node:crypto";
import { availableParallelism, totalmem } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { HealingResult } from "../../../../models/healing.ts";
import type { Lending, LendingState } from "../../../../models/lending.ts";
import type { PoolReport } from "../../../../models/performance.ts";
import type { Topology } from "../../../../models/topology.ts";
import type { FlagNotice } from "../../../../runtime/flags/flags.ts";
import { BusyCores } from "./busy-cores.ts";

/** What is asked of the healer. */
export interface HealOrder {
  service?: string;
  node?: string;
  actionType: string;
  parameters: Record<string, unknown>;
  /** ms */
  timeout: number;
}

export interface RaisedAlert {
  id: string;
  subject: string;
  severity: "info" | "warning" | "critical";
  summary: string;
  rule?: string;
}

export interface Machine {
  cores: number;
  /** Share of all cores' time that was used lately, by whomever, 0 to 1; null while it is not known. */
  busy: number | null;
  /** Bytes. */
  memory: number;
}

/** Through whom rules act. */
export interface ActionPorts {
  /** Who is there, not older than some seconds. @throws where nobody tells */
  topology(): Promise<Topology>;
  /** @throws AzoraError of the healer's where it refuses */
  heal(order: HealOrder): Promise<HealingResult>;
  /** All that a node is lent; what is not named is given back. */
  lend(node: string, lending: Lending): Promise<LendingState>;
  /** Most heap of a node's process, bytes. */
  heapLimit(node: string): Promise<number>;
  clearTags(node: string, tags: string[]): Promise<void>;
  flags(notice: FlagNotice): void;
  /** False where there is no room for another one. */
  raise(alert: RaisedAlert): boolean;
  /** How severe it is where it fires already. */
  raised(id: string, subject: string): RaisedAlert["severity"] | undefined;
  /** Something was changed about these: who measures them should know. */
  acted(note: { target: string; services: string[]; what: string }): void;
  /** Asked every few seconds, so that `busy` is of lately. */
  machine(): Machine;
}

export interface BrokerPortsOptions {
  /** The newest topology, where it is known and fresh. @default it is asked for each time */
  topology?(): Topology | undefined;
  /** @default no alert is raised */
  alerts?: Pick<ActionPorts, "raise" | "raised">;
}

const ASK_MS = 5000;
/** What the answer of an act takes beside the act, ms. */
const ANSWER_MS = 2000;

/** The ports of an engine in an organism. */
export function brokerPorts(broker: ServiceBroker, options: BrokerPortsOptions = {}): ActionPorts {
  const cores = new BusyCores();
  return {
    async topology() {
      const known = options.topology?.();
      return known ?? ((await broker.call("master-orchestrator.topology", {}, { timeout: ASK_MS })) as Topology);
    },
    heal: (order) =>
      broker.call(
        "auto-healer.execute",
        { id: randomUUID(), priority: "high", ...order },
        { timeout: order.timeout + ANSWER_MS },
      ) as Promise<HealingResult>,
    lend: (node, lending) =>
      broker.call("node-performance.lend", lending, { nodeID: node, timeout: ASK_MS }) as Promise<LendingState>,
    async heapLimit(node) {
      const pools = (await broker.call(
        "node-performance.pools",
        {},
        { nodeID: node, timeout: ASK_MS },
      )) as PoolReport[];
      return pools.find(({ kind }) => kind === "memory")?.size ?? Number.NaN;
    },
    async clearTags(node, tags) {
      await broker.call("node-performance.invalidateTags", { tags }, { nodeID: node, timeout: ASK_MS });
    },
    flags: (notice) => void broker.broadcast("organism.flags", notice),
    raise: (alert) => options.alerts?.raise(alert) ?? false,
    raised: (id, subject) => options.alerts?.raised(id, subject),
    acted: (note) => void broker.broadcast("organism.acted", note),
    machine: () => ({ cores: availableParallelism(), busy: cores.share(), memory: totalmem() }),
  };
}
