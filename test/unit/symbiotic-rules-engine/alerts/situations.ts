import type { AlertChange } from "../../../../models/alerts.ts";
import { METRICS, type Metric, SYSTEMS } from "../../../../models/metrics.ts";
import type { OrganismState } from "../../../../models/organism-state.ts";
import {
  AlertManager,
  type AlertManagerOptions,
} from "../../../../services/brain/symbiotic-rules-engine/alerts/alert-manager.ts";
import type {
  NodeFacts,
  ServiceFacts,
  Situation,
} from "../../../../services/brain/symbiotic-rules-engine/alerts/situation.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

export function stateOf(score = 98, confidence = 1): OrganismState {
  const metrics = Object.fromEntries(
    Object.entries(METRICS).map(([name, { bad }]) => [name, { value: bad === "low" ? 100 : 0, age: 500 }]),
  ) as Record<Metric, { value: number; age: number }>;
  return {
    at: "2026-11-20T12:00:00.000Z",
    systems: SYSTEMS.map((system) => ({
      system,
      nodes: [`${system}-1`],
      metrics: structuredClone(metrics),
      own: {},
      present: true,
      health: 100,
      confidence: 1,
    })),
    flows: [],
    harmony: { score, confidence, health: score, balance: 100, flow: 100 },
  };
}

export function service(name: string, status = "healthy", more: Partial<ServiceFacts> = {}): ServiceFacts {
  return { name, system: "heart", status, priority: "medium", restarts: 0, ...more };
}

const GB = 2 ** 30;

export function node(name: string, more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    node: name,
    system: name.split("-")[0]!,
    status: "up",
    heap: { used: 0.1 * GB, limit: 2 * GB },
    files: { open: 40, limit: 1024 },
    disk: { free: 50 * GB, total: 100 * GB },
    places: [{ name: "database", inUse: 1, max: 20, waiting: 0 }],
    ...more,
  };
}

/** A healthy organism, but for what is given. */
export function situation(more: Partial<Situation> = {}): Situation {
  return {
    launching: false,
    state: stateOf(),
    services: [service("shop"), service("till", "healthy", { priority: "critical" })],
    nodes: [node("heart-1"), node("brain-1")],
    chain: { intact: true, alarms: [], gaps: [] },
    ...more,
  };
}

/** An alert manager whose seconds pass by hand. */
export class AlertWorld {
  readonly clock = new FakeClock();
  /** Between the two clocks; changed by a jump of the wall clock. */
  jump = 1_700_000_000_000;
  readonly changes: AlertChange[] = [];
  manager: AlertManager;
  #ids = 0;
  readonly #more: Partial<AlertManagerOptions>;

  constructor(more: Partial<AlertManagerOptions> = {}) {
    this.#more = more;
    this.manager = this.newManager();
  }

  wall = (): number => this.clock.now() + this.jump;

  newManager(): AlertManager {
    return new AlertManager({
      clock: this.clock,
      wall: this.wall,
      changed: (change) => this.changes.push(change),
      newId: () => `id${++this.#ids}`,
      ...this.#more,
    });
  }

  /** A tick a second. */
  pass(seconds: number, of: Situation = situation(), each?: () => void): void {
    for (let i = 0; i < seconds; i++) {
      this.clock.advance(1000);
      this.manager.tick(of);
      each?.();
    }
  }

  /** The engine ends and another one goes on from what it has left; `ms` pass between. */
  restart(ms = 0): void {
    const saved = JSON.parse(JSON.stringify(this.manager.snapshot()));
    this.clock.advance(ms);
    this.manager = this.newManager();
    this.manager.restore(saved);
  }

  /** `firing service-failed shop`, in the order of the list. */
  list(): string[] {
    return this.manager.list().map(({ state, alert, subject }) => `${state} ${alert} ${subject}`);
  }

  /** `firing service-failed shop`, `many 7`, in the order in which it was told. */
  told(): string[] {
    return this.changes.map((one) =>
      one.change === "many" ? `many ${one.more}` : `${one.change} ${one.alert.alert} ${one.alert.subject}`,
    );
  }
}
