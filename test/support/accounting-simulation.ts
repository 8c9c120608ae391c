import { EventEmitter } from "node:events";
import type { ServiceBroker } from "moleculer";
import { Accounting } from "../../runtime/accounting/accounting.ts";
import type { Clock } from "../../runtime/clock.ts";
import { EPOCH_MS, epochOf } from "../../runtime/record/epoch.ts";
import type { Grade } from "../../runtime/record/record.ts";
import type { Recorder } from "../../runtime/record/recorder.ts";
import { Reconciler } from "../../services/immune/blockchain-logger/reconcile/reconciler.ts";
import type { Verdict } from "../../services/immune/blockchain-logger/reconcile/verdict.ts";
import { FakeClock } from "./fake-clock.ts";

export const CHAIN_NODE = "immune-1";
const STEP_MS = 200;

interface Packet {
  type: "REQ" | "EVENT";
  target: string;
  payload: { id: string; sender: string; action?: string; event?: string };
}
interface Stored {
  key: string;
  eventType: string;
  data: Record<string, unknown>;
}
type Publish = (packet: Packet) => Promise<unknown>;

/** What a fault may do with what passes. */
export interface SimulationFaults {
  /** A middleware of the sender loses it, after it was counted. */
  losesAtSource?(packet: Packet): boolean;
  losesOnBus?(packet: Packet): boolean;
  /** Times that it is delivered, and how much later, ms. */
  copies?(packet: Packet): { delay: number }[];
  /** A record that never gets from its node to the log. */
  losesOnDisk?(record: Stored): boolean;
  /** Whether the chain hears a node now, and it the chain. */
  reaches?(node: string): boolean;
}

/** Nodes with their real accounting and the real reconciler, on a bus, disks and a chain that are made up. */
export class AccountingSimulation {
  readonly clock = new FakeClock(1_790_000_000_000);
  readonly nodes = new Map<string, SimulatedNode>();
  /** What the nodes that are gone have left on their disks. */
  readonly left: Stored[][] = [];
  readonly log: { index: number; eventType: string; data: Record<string, unknown> }[] = [];
  readonly #keys = new Set<string>();
  readonly faults: SimulationFaults;
  reconciler: Reconciler;
  #due: { at: number; packet: Packet }[] = [];
  #lives = 0;

  constructor(faults: SimulationFaults = {}) {
    this.faults = faults;
    this.reconciler = this.newReconciler();
  }

  start(id: string, options: { clockOffset?: number } = {}): SimulatedNode {
    const { clock } = this;
    const offset = options.clockOffset ?? 0;
    const own: Clock = { now: () => clock.now() + offset, after: (ms, run) => clock.after(ms, run) };
    const node = new SimulatedNode(this, id, ++this.#lives, own);
    this.nodes.set(id, node);
    for (const one of this.nodes.values()) one.localBus.emit("$node.connected", { node: { id } });
    node.begin();
    return node;
  }

  /** SIGKILL: what is in memory is gone, what is on disk is delivered by somebody, later. */
  kill(id: string): void {
    const node = this.nodes.get(id)!;
    node.isDead = true;
    this.nodes.delete(id);
    this.left.push(node.disk);
    this.reconciler.nodeDown(id, node.instanceID, this.clock.now());
    for (const one of this.nodes.values()) one.localBus.emit("$node.disconnected", { node: { id } });
  }

  async stop(id: string): Promise<void> {
    const node = this.nodes.get(id)!;
    await node.end();
    this.kill(id);
  }

  restartChain(): void {
    this.reconciler = this.newReconciler();
    const last = this.log.findLast(({ eventType }) => eventType === "accounting.verdict");
    const verdict = last?.data as unknown as Verdict | undefined;
    const from = Reconciler.resumeIndex(verdict, this.log.length);
    this.reconciler.resume(verdict, from);
    for (const entry of this.log.slice(from)) this.reconciler.entry(entry);
  }

  publish(packet: Packet): void {
    if (this.faults.losesOnBus?.(packet)) return;
    const copies = this.faults.copies?.(packet) ?? [{ delay: 10 }];
    for (const { delay } of copies) this.#due.push({ at: this.clock.now() + delay, packet });
  }

  /** Lets time pass; `act` is called at each step. */
  async run(ms: number, act?: () => void, step = STEP_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      act?.();
      this.clock.advance(step);
      this.#deliver();
      await settled();
      this.#collect();
      await settled();
      if (passed % 1000 === 0) this.reconciler.tick();
      await settled();
    }
  }

  append({ key, eventType, data }: Stored): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    const entry = { index: this.log.length, eventType, data: JSON.parse(JSON.stringify(data)) };
    this.log.push(entry);
    this.reconciler.entry(entry);
  }

  #deliver(): void {
    const now = this.clock.now();
    const due = this.#due.filter(({ at }) => at <= now).sort((one, other) => one.at - other.at);
    this.#due = this.#due.filter(({ at }) => at > now);
    for (const { packet } of due) this.nodes.get(packet.target)?.receive(packet);
  }

  #collect(): void {
    const isThere = this.nodes.has(CHAIN_NODE);
    if (!isThere) return;
    for (const node of this.nodes.values()) {
      if (this.faults.reaches?.(node.nodeID) === false) continue;
      for (const record of [...node.disk.splice(0), ...node.memory.splice(0)])
        if (!this.faults.losesOnDisk?.(record)) this.append(record);
    }
    for (const disk of this.left.splice(0))
      for (const record of disk) if (!this.faults.losesOnDisk?.(record)) this.append(record);
  }

  newReconciler(): Reconciler {
    return new Reconciler({
      clock: this.clock,
      node: CHAIN_NODE,
      record: async (eventType, data, key) => this.append({ key, eventType, data }),
      ask: (node, asked) => {
        if (this.faults.reaches?.(node) !== false) this.nodes.get(node)?.accounting.ask(asked);
      },
      logger: { warn() {} },
    });
  }
}

export class SimulatedNode {
  readonly nodeID: string;
  readonly instanceID: string;
  readonly localBus = new EventEmitter();
  readonly accounting: Accounting;
  readonly disk: Stored[] = [];
  memory: Stored[] = [];
  isDead = false;
  readonly #world: AccountingSimulation;
  readonly #clock: Clock;
  readonly #recorder = new EventEmitter();
  readonly #publish: Publish;
  readonly #handle: (command: string, packet: object) => unknown;
  readonly #stopping: () => Promise<void>;
  readonly #newId: () => string;
  #seq = 0;

  constructor(world: AccountingSimulation, id: string, life: number, clock: Clock) {
    this.#world = world;
    this.#clock = {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, () => this.isDead || run()),
    };
    this.nodeID = id;
    this.instanceID = `${String(life).padStart(8, "0")}-0000-4000-8000-000000000000`;
    this.accounting = new Accounting(this.#clock);
    const broker = this.#broker();
    const receiving = this.accounting.receiving() as unknown as Hooks;
    const sending = this.accounting.sending() as unknown as Hooks;
    receiving.created(broker);
    this.#newId = () => this.accounting.uidGenerator().call(broker);
    this.#publish = sending.transitPublish(async (packet) => {
      if (!world.faults.losesAtSource?.(packet)) world.publish(packet);
    });
    this.#handle = receiving.transitMessageHandler(async () => true);
    this.#stopping = sending.stopping;
  }

  begin(): void {
    const recorder = Object.assign(this.#recorder, {
      durable: async (eventType: string, data: Record<string, unknown>) => this.record(eventType, data, "durable"),
      stats: () => ({ waiting: { outbox: 0, memory: this.memory.length } }),
    });
    this.accounting.start(recorder as unknown as Recorder);
  }

  end(): Promise<void> {
    return this.#stopping();
  }

  send(to: string, type: Packet["type"] = "REQ"): Packet {
    const id = this.#newId();
    const name = type === "REQ" ? { action: "shop.buy" } : { event: "shop.bought" };
    const packet = { type, target: to, payload: { id, sender: this.nodeID, ...name } };
    void this.#publish(packet);
    return packet;
  }

  receive(packet: Packet): void {
    this.#handle(packet.type, { payload: packet.payload });
  }

  record(eventType: string, payload: unknown, grade: Grade): string {
    const { nodeID: node, instanceID: instance } = this;
    const epoch = epochOf(this.#clock.now());
    const seq = this.#seq++;
    const key = `${node}/${instance}/${epoch}/${seq}`;
    this.#recorder.emit("recorded", { epoch, key, grade });
    (grade === "durable" ? this.disk : this.memory).push({
      key,
      eventType,
      data: { payload, source: { node, instance, epoch, seq } },
    });
    return key;
  }

  #broker(): ServiceBroker {
    const nodes = this.#world.nodes;
    return {
      nodeID: this.nodeID,
      instanceID: this.instanceID,
      localBus: this.localBus,
      logger: { warn() {} },
      transit: { tx: { connected: true } },
      registry: {
        nodes: {
          get: (id: string) => {
            const node = nodes.get(id);
            return node && { id, instanceID: node.instanceID, metadata: node.accounting.metadata };
          },
        },
      },
    } as unknown as ServiceBroker;
  }
}

interface Hooks {
  created(broker: ServiceBroker): void;
  transitPublish(next: Publish): Publish;
  transitMessageHandler(
    next: (command: string, packet: object) => unknown,
  ): (command: string, packet: object) => unknown;
  stopping(): Promise<void>;
}

/** A whole number from 0, the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export { EPOCH_MS };

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
