import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, ServiceBroker } from "moleculer";
import type { Detection, HealingRecord, HealingResult } from "../../../models/healing.ts";
import type { TopologyService } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { bucketOf } from "../../../runtime/vitals/histogram.ts";
import autoHealer from "../../../services/immune/auto-healer/auto-healer.service.ts";
import type { Report } from "../../../services/immune/auto-healer/detection/node-senses.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { knownNode, knownService, topologyOf } from "../../support/topology.ts";

interface Order {
  epoch: number;
  id: string;
  action: string;
  target: { service?: string; node?: string };
  parameters: Record<string, unknown>;
  failure: string;
  case?: string;
  by?: "healer" | "operator";
}

/** The healer's time goes ten times as fast as time does, in steps, and stands still where the machine has none for it. */
const TICK_MS = 10;
const PER_TICK_MS = 100;

/** The healer on a broker of its own, with a stand-in for the orchestrator that does what the test says. */
export class FakeOrganism {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-healer-"));
  readonly broker: ServiceBroker;
  readonly clock = new FakeClock(Date.now());
  readonly orders: Order[] = [];
  readonly records: HealingRecord[] = [];
  readonly history: HealingRecord[] = [];
  readonly detections: Detection[] = [];
  readonly advice: { advice: object; mode: string }[] = [];
  services: TopologyService[] = [
    knownService("ledger"),
    knownService("auto-healer", { organ: "immune", singleton: true }),
  ];
  epoch = 0;
  /** Where the ledger is. */
  node = "heart-1";
  #seq = 0;
  #ticks: NodeJS.Timeout | undefined;
  /** What an order leads to. */
  act: (order: Order) => Promise<Partial<HealingResult>> | Partial<HealingResult> = () => ({});

  constructor() {
    this.broker = new ServiceBroker({
      nodeID: "immune-1",
      logger: false,
      internalServices: false,
      registry: { stopDelay: 0 },
      errorHandler: null,
    } as never);
  }

  async start(env: Record<string, string> = {}, orchestrator = true): Promise<this> {
    Object.assign(process.env, {
      AZORA_DATA_DIR: this.folder,
      AZORA_HEALING_TIME_SCALE: "0.1",
      AZORA_HEALING_PLUGINS: join(this.folder, "healing"),
      ...env,
    });
    if (orchestrator) this.broker.createService(this.#orchestrator() as never);
    this.broker.createService({
      name: "listener",
      events: { "healing.detected": (ctx: Context<Detection>) => void this.detections.push(ctx.params) },
    } as never);
    await this.broker.start();
    this.#ticks = setInterval(() => this.clock.advance(PER_TICK_MS), TICK_MS);
    await this.startHealer();
    return this;
  }

  async startHealer(): Promise<void> {
    const service = this.broker.createService(structuredCopy(autoHealer) as never) as never as { clock: Clock };
    service.clock = this.clock;
    await this.broker.waitForServices("auto-healer", 15_000, 20);
    await this.eventually("the healer acts", async () => {
      const { checks } = await this.call<{ checks: { epoch: string; orchestrator: string } }>("health");
      return checks.epoch !== "0" || checks.orchestrator.startsWith("Service");
    });
  }

  async stopHealer(): Promise<void> {
    await this.broker.destroyService("auto-healer");
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    this.standStill();
    for (const name of [
      "DATA_DIR",
      "HEALING_TIME_SCALE",
      "HEALING_PLUGINS",
      "HEALING_PREDICTIVE",
      "HEALING_LEARNING",
    ]) {
      delete process.env[`AZORA_${name}`];
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  call<T>(action: string, params: object = {}): Promise<T> {
    return this.broker.call(`auto-healer.${action}`, params) as Promise<T>;
  }

  /** One second of a node: calls of the ledger. */
  async second(
    more: Partial<Report> & { calls?: number; ms?: number; faults?: number; fault?: string } = {},
  ): Promise<void> {
    const { calls = 0, ms = 1, faults = 0, fault, ...rest } = more;
    const report: Report = {
      node: this.node,
      seq: this.#seq++,
      instanceId: "heart-1/1",
      cpu: 5,
      memory: 110 * 2 ** 20,
      heapUsed: 40 * 2 ** 20,
      loopDelay: { p50: 0, p99: 1, max: 1 },
      utilisation: 0.1,
      uptime: 1000,
      actions:
        calls === 0
          ? []
          : [
              {
                name: "ledger.add",
                service: "ledger",
                errors: faults,
                faults,
                ...(fault ? { lastFault: fault } : {}),
                inFlight: 0,
                sum: calls * ms * 1000,
                buckets: [bucketOf(ms * 1000), calls],
              },
            ],
      ...rest,
    };
    await this.broker.emit("node.vitals", report);
  }

  /** From now on no time passes for the healer. */
  standStill(): void {
    clearInterval(this.#ticks);
  }

  /** Calls back each time when so much of the healer's time has passed, until the returned function is called. */
  every(ms: number, run: () => void): () => void {
    let cancel = () => {};
    const next = () => {
      cancel = this.clock.after(ms, () => {
        next();
        run();
      });
    };
    next();
    return () => cancel();
  }

  async eventually(what: string, condition: () => Promise<boolean> | boolean, timeout = 15_000): Promise<void> {
    const end = Date.now() + timeout;
    while (!(await condition())) {
      if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  #orchestrator() {
    const check = (ctx: Context<{ epoch: number }>) => {
      if (ctx.params.epoch !== this.epoch) throw new AzoraError("STALE_EPOCH", "replaced");
    };
    const enter = (record: HealingRecord) => {
      this.records.push(record);
      this.history.push(record);
      void this.broker.emit("healing.recorded", record);
    };
    return {
      name: "master-orchestrator",
      actions: {
        topology: () =>
          topologyOf(this.services, [knownNode(this.node, ["ledger"]), knownNode("immune-1", ["auto-healer"])]),
        enlist: () => ({ epoch: ++this.epoch }),
        history: (ctx: Context<{ limit: number; id?: string }>) =>
          this.history
            .filter(({ id, case: ofCase }) => !ctx.params.id || id === ctx.params.id || ofCase === ctx.params.id)
            .slice(-ctx.params.limit)
            .reverse(),
        advise: (ctx: Context<{ epoch: number; advice: object; mode: string }>) => {
          check(ctx);
          this.advice.push({ advice: ctx.params.advice, mode: ctx.params.mode });
        },
        record: (ctx: Context<{ epoch: number; record: HealingRecord }>) => {
          check(ctx);
          enter(ctx.params.record);
        },
        act: async (ctx: Context<Order>) => {
          check(ctx as never);
          const order = ctx.params;
          this.orders.push(order);
          const since = this.clock.now();
          const seen = {
            success: true,
            observed: { before: "ill", after: "healthy" },
            reason: "it was seen",
            ...(await this.act(order)),
          };
          const duration = this.clock.now() - since;
          const { id, action, target, failure, case: ofCase, by = "healer" } = order;
          const at = new Date(since).toISOString();
          const record: HealingRecord = {
            id,
            at,
            target,
            failure,
            action,
            attempt: 1,
            ...seen,
            duration,
            detection: 0,
            by,
          };
          enter({ ...record, ...(ofCase ? { case: ofCase } : {}) });
          return { id, ...seen, duration };
        },
      },
    };
  }
}

/** Moleculer writes into the schema that it is given. */
function structuredCopy<T extends object>(schema: T): T {
  return { ...schema };
}
