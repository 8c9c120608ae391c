import type { Lending } from "../../../../models/lending.ts";
import type { System } from "../../../../models/metrics.ts";
import type { ExecutionResult, RuleWhy } from "../../../../models/rule-results.ts";
import type { CompleteRule, RuleAction } from "../../../../models/rules.ts";
import type { Topology } from "../../../../models/topology.ts";
import { Columns } from "../../../../runtime/rules/columns.ts";
import type {
  ActionPorts,
  HealOrder,
  RaisedAlert,
} from "../../../../services/brain/symbiotic-rules-engine/actions/ports.ts";
import {
  RuleActor,
  type RuleActorOptions,
} from "../../../../services/brain/symbiotic-rules-engine/actions/rule-actor.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { knownNode, knownService, topologyOf } from "../../../support/topology.ts";

const MB = 1024 * 1024;
const MOST_ALERTS = 3;

interface Healing {
  success: boolean;
  reason?: string;
}

/** An organism that does what it is told, as far as the actor can see it. */
export class World {
  readonly clock = new FakeClock();
  readonly columns = new Columns();
  topology: Topology;
  /** Orders to the healer, and what it answers to the next ones. */
  readonly orders: HealOrder[] = [];
  healing: (order: HealOrder) => Healing | Promise<Healing> = () => ({ success: true });
  readonly lent = new Map<string, Lending>();
  readonly alerts: RaisedAlert[] = [];
  flags: unknown;
  machine = { cores: 4, busy: 0.2 as number | null, memory: 16_000 * MB };
  /** Of each node, MB. */
  heap = 1000;
  readonly kept: ExecutionResult[] = [];
  readonly log: string[] = [];
  actor: RuleActor;
  readonly #options: Partial<RuleActorOptions>;

  constructor(options: Partial<RuleActorOptions> = {}) {
    this.#options = options;
    const heart = { organ: "heart" };
    this.topology = topologyOf(
      [
        knownService("judge", { organ: "brain" }),
        knownService("ledger", { ...heart, singleton: true }),
        knownService("shop", { ...heart, aliases: ["store"] }),
      ],
      [knownNode("brain-1", ["judge"]), knownNode("heart-1", ["ledger", "shop"])],
    );
    this.actor = this.engine();
  }

  /** Another life of the engine. */
  engine(): RuleActor {
    return new RuleActor({
      ports: this.#ports(),
      columns: this.columns,
      clock: this.clock,
      wall: () => this.clock.now() + 1e12,
      logger: { info: (text) => this.log.push(text), warn: (text) => this.log.push(text) },
      keep: async (result) => void this.kept.push(structuredClone(result)),
      ...this.#options,
    });
  }

  set(values: Record<string, number>): void {
    for (const [key, value] of Object.entries(values)) {
      const [system, metric] = key.split(".") as [System, string];
      this.columns.set(this.columns.column(system, metric)!, value, this.clock.now());
    }
  }

  /** Lets seconds pass, with the same values. */
  async seconds(count: number, active?: string[]): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.clock.advance(1000);
      this.actor.tick(this.clock.now(), active);
      await settled();
    }
  }

  scaled(organ: string, nodes: number): void {
    const carried = this.topology.nodes.find((one) => one.organ === organ)!.services;
    const others = this.topology.nodes.filter((one) => one.organ !== organ);
    const made = Array.from({ length: nodes }, (_, i) => knownNode(`${organ}-${i + 1}`, carried));
    this.topology = topologyOf(this.topology.services, [...others, ...made]);
  }

  #ports(): ActionPorts {
    return {
      topology: async () => this.topology,
      heal: async (order) => {
        this.orders.push(order);
        const { success, reason = "it was done" } = await this.healing(order);
        const by = Number(order.parameters["by"] ?? 0) * (order.actionType === "scale-down" ? -1 : 1);
        const { organ } = this.topology.services.find(({ name }) => name === order.service) ?? {};
        if (success && by !== 0 && organ)
          this.scaled(organ, this.topology.nodes.filter((one) => one.organ === organ).length + by);
        if (success && "memoryLimitMB" in order.parameters) {
          const node = this.topology.nodes.find(({ id }) => id === order.node)!;
          node.options = { memoryLimitMB: order.parameters["memoryLimitMB"] as number };
        }
        return { id: "1", success, reason, duration: 1, observed: { before: "so", after: "otherwise" } };
      },
      lend: async (node, lending) => {
        this.lent.set(node, lending);
        return { share: lending.share, turned: lending.share ? ["niceness -1"] : [], not: [], refused: 0 };
      },
      heapLimit: async () => this.heap * MB,
      clearTags: async () => {},
      flags: (notice) => {
        this.flags = notice;
      },
      raise: (alert) => this.alerts.length < MOST_ALERTS && this.alerts.push(alert) > 0,
      raised: (id, subject) => this.alerts.findLast((one) => one.id === id && one.subject === subject)?.severity,
      acted: () => {},
      machine: () => ({ ...this.machine }),
    };
  }
}

export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

export function rule(id: string, actions: RuleAction[], more: Partial<CompleteRule> = {}): CompleteRule {
  return {
    id,
    name: id,
    conditions: [],
    actions,
    priority: 500,
    cooldown: 10_000,
    enabled: true,
    for: 0,
    keepFor: 0,
    minActive: 0,
    mode: "on",
    expires: null,
    ...more,
  };
}

export function why(id: string, ...read: [System, string][]): RuleWhy {
  return {
    rule: id,
    at: "2026-01-01T00:00:00.000Z",
    result: "fired",
    why: "brain.load is 92 %, above 85 %",
    conditions: [
      {
        path: "conditions[0]",
        text: "",
        truth: "true",
        read: read.map(([system, metric]) => ({ system, metric, value: 92, age: 500 })),
      },
    ],
    cooldownLeft: 0,
    heldFor: 0,
  };
}
