import { SYSTEMS, type System } from "../../../../models/metrics.ts";
import { organOfNode } from "../../../../runtime/rules/targets.ts";
import type { FaultLog } from "./fault-log.ts";
import { REMEMBERED_MS } from "./metric-memory.ts";
import { NodeLife } from "./node-life.ts";
import { NodePerformanceState } from "./node-performance-state.ts";
import { NodeVitalsState } from "./node-vitals-state.ts";
import { type Fields, isFields, isName, plausible } from "./plausible.ts";
import { WorkTimes } from "./work-times.ts";

const MOST_NODES = 500;
/** A node that is silent for so long is not expected any longer. */
const FORGET_MS = REMEMBERED_MS;
/** By how much a node's clock may be off before that is told, ms. */
const CLOCK_OFF_MS = 60_000;

export interface OrganismNode {
  id: string;
  system: System;
  life: NodeLife;
  vitals: NodeVitalsState;
  performance: NodePerformanceState;
  /** Monotonic, ms. */
  seenAt: number;
}

export interface OrganismNodesOptions {
  /** Monotonic, ms. */
  now: () => number;
  wall: () => number;
  systemOf: (service: string, node: string) => System | undefined;
  faults: FaultLog;
  restarted: (system: System, node: string) => void;
}

/** Takes what nodes tell, one apart from the other: what is absurd is unknown of this node, and of no other. */
export class OrganismNodes {
  readonly #options: OrganismNodesOptions;
  readonly #nodes = new Map<string, OrganismNode>();
  readonly #work = new WorkTimes();

  constructor(options: OrganismNodesOptions) {
    this.#options = options;
  }

  vitals(report: unknown): void {
    const { now, faults } = this.#options;
    const node = this.#arrive("vitals", report);
    if (!node) return;
    node.vitals.take(report as Fields, now(), (service) => this.#systemOf(service, node), node.id, faults);
  }

  performance(report: unknown): void {
    const { now, faults } = this.#options;
    const node = this.#arrive("performance", report);
    if (!node) return;
    const of = {
      service: (service: string) => this.#systemOf(service, node),
      callee: (service: string, on: string) => this.#nodes.get(on)?.system ?? this.#system(service, on),
      caller: (caller: string) => this.#systemOf(caller, node),
    };
    const work = {
      learn: (action: string, mean: number) => this.#work.learn(node.id, action, mean),
      of: (on: string, action: string) => this.#work.of(on, action),
    };
    node.performance.take(report as Fields, now(), of, work, node.id, faults);
  }

  up(id: string): void {
    this.#nodes.get(id)?.life.up();
  }

  down(id: string): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    // What it sent before it died may come yet, and must not bring it back.
    node.life.end();
    this.#silence(node);
  }

  /** Those that are expected to tell something. */
  *all(): Generator<OrganismNode> {
    const now = this.#options.now();
    for (const node of this.#nodes.values()) {
      if (node.life.instanceId === "") {
        if (now - node.seenAt > 10 * FORGET_MS) this.#nodes.delete(node.id);
      } else if (now - node.seenAt > FORGET_MS) this.#forget(node);
      else yield node;
    }
  }

  #arrive(kind: "vitals" | "performance", report: unknown): OrganismNode | undefined {
    const { now, wall, faults, restarted } = this.#options;
    const id = isFields(report) && isName(report["node"]) ? report["node"] : "";
    const refuse = (why: string) => void faults.note(id, `${kind}: ${why}`);
    if (!isFields(report) || id === "") return refuse("no report of a node");
    const { instanceId, seq } = report;
    if (!isName(instanceId) || !Number.isSafeInteger(seq) || (seq as number) < 0) return refuse("no life or number");
    let node = this.#nodes.get(id);
    if (!node) {
      if (this.#nodes.size >= MOST_NODES) return refuse("too many nodes");
      const system = organOfNode(id) ?? this.#system("", id);
      if (system === undefined) return refuse("no system is known for it");
      node = {
        id,
        system,
        life: new NodeLife(instanceId),
        vitals: new NodeVitalsState(),
        performance: new NodePerformanceState(),
        seenAt: now(),
      };
      this.#nodes.set(id, node);
    }
    const standing = node.life.take(kind, instanceId, seq as number);
    if (standing === "late") return refuse("late or twice");
    if (standing === "reborn") {
      restarted(node.system, id);
      this.#silence(node);
    }
    const off = plausible(report["at"], Number.MAX_SAFE_INTEGER) - wall();
    // Ages go by the arrival, so that a clock that is off does no harm but to what is shown elsewhere.
    if (!(Math.abs(off) <= CLOCK_OFF_MS)) faults.note(id, `${kind}.at: its clock is off`);
    node.seenAt = now();
    return node;
  }

  #systemOf(service: string, node: OrganismNode): System {
    return this.#system(service, node.id) ?? node.system;
  }

  /** What another part says is not believed to be a system unless it is one. */
  #system(service: string, node: string): System | undefined {
    const system = this.#options.systemOf(service, node);
    return SYSTEMS.includes(system as System) ? system : undefined;
  }

  #silence(node: OrganismNode): void {
    node.vitals = new NodeVitalsState();
    node.performance.reborn();
    this.#work.forget(node.id);
  }

  #forget(node: OrganismNode): void {
    this.#nodes.delete(node.id);
    this.#work.forget(node.id);
  }
}
