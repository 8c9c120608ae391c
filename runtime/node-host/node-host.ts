import { resolve } from "node:path";
import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import type { CaptureState } from "../../models/capture-state.ts";
import type { CircuitBreakers } from "../breaker/circuit-breakers.ts";
import type { ClosureList } from "../closures/closures.ts";
import { ConcurrencyLimits } from "../concurrency/concurrency-limits.ts";
import { AzoraError } from "../errors.ts";
import type { Failover } from "../failover/failover.ts";
import type { RecorderStats } from "../record/recorder.ts";
import type { VitalsRegistry } from "../vitals/action-vitals.ts";
import { NodeVitals } from "../vitals/node-vitals.ts";
import { Carrier } from "./carrier.ts";
import { watchCreations } from "./child-services.ts";
import { remedies } from "./remedies.ts";
import { askHealth } from "./service-health.ts";
import { actionNames, type Slot } from "./slots.ts";

export interface NodeHostOptions {
  vitals: VitalsRegistry;
  failover: Failover;
  /** @default of its own, which limit nothing */
  limits?: ConcurrencyLimits;
  /** @default none are told of */
  breakers?: CircuitBreakers;
  /** What it records for the audit chain. @default not told of */
  record?: { recorder: { stats(): RecorderStats }; takeCaptured(state: CaptureState): void };
  /** Sends traces to a collector. @default none are made */
  tracing?: { stats(): { exported: number; dropped: number } };
  /** On whose disk the room is measured. @default none */
  dataDir?: string;
  /** Folder whose modules are loaded afresh with a service. */
  root: string;
  /** Folder from which relative paths of service files are seen. */
  services: string;
  /** Ends the process after the node has stopped. */
  shutdown: (drainTimeout: number) => void;
}

/** Time for which calls in flight may finish before a service is stopped, ms. */
export const DRAIN_TIMEOUT_MS = 5000;
const VITALS_EVERY_MS = 1000;

const epoch = { type: "number", integer: true, min: 0 } as const;
const name = { type: "string", min: 1, max: 200 } as const;
const drainTimeout = { type: "number", min: 0, max: 600_000, default: DRAIN_TIMEOUT_MS } as const;

interface LoadParams {
  epoch: number;
  name: string;
  file: string;
  incarnation: number;
  renamed: Record<string, string>;
}

/** The service that every node carries: it loads, stops and restarts services of this node on command. */
export function nodeHost(broker: ServiceBroker, options: NodeHostOptions): ServiceSchema {
  const { vitals, failover, services, shutdown, limits = new ConcurrencyLimits() } = options;
  watchCreations(broker);
  const carrier = new Carrier(broker, options);
  const { slots } = carrier;
  const { record, ...sources } = options;
  const nodeVitals = new NodeVitals({
    ...sources,
    ...(record ? { record: record.recorder } : {}),
    node: broker.nodeID,
    instanceId: broker.instanceID,
    registry: vitals,
  });
  let highestEpoch = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Only the newest orchestrator commands. */
  function fence(ctx: Context<{ epoch: number }>): void {
    const { epoch } = ctx.params;
    if (epoch < highestEpoch) {
      throw new AzoraError("STALE_EPOCH", `Epoch ${epoch} was replaced by ${highestEpoch}`, { epoch, highestEpoch });
    }
    highestEpoch = epoch;
  }

  return {
    name: "node-host",
    actions: {
      /** Loads a service; answers when it has started, or with why it has not. Loading what runs already is no error. */
      load: {
        params: {
          epoch,
          name,
          file: "string",
          incarnation: "number",
          renamed: { type: "object", default: () => ({}) },
        },
        timeout: 0,
        async handler(ctx: Context<LoadParams>) {
          fence(ctx);
          const { name, file, incarnation, renamed } = ctx.params;
          const known = slots.get(name);
          if (known && known.status !== "failed") return carrier.stateOf(known);
          const slot: Slot = {
            name,
            file: resolve(services, file),
            renamed,
            incarnation,
            status: "starting",
            children: [],
            generation: known?.generation ?? 0,
          };
          slots.set(name, slot);
          return carrier.start(slot);
        },
      },

      /** Drains and stops a service and forgets it. */
      unload: {
        params: { epoch, name, drainTimeout },
        timeout: 0,
        async handler(ctx: Context<{ epoch: number; name: string; drainTimeout: number }>) {
          fence(ctx);
          const slot = slots.get(ctx.params.name);
          if (!slot) return;
          await carrier.stop(slot, ctx.params.drainTimeout);
          slots.delete(slot.name);
        },
      },

      /** Restarts a service in place; calls to it are held meanwhile where no other instance can take them. */
      restart: {
        params: { epoch, name, incarnation: "number", fresh: "boolean", drainTimeout },
        timeout: 0,
        async handler(
          ctx: Context<{ epoch: number; name: string; incarnation: number; fresh: boolean; drainTimeout: number }>,
        ) {
          fence(ctx);
          const slot = carrier.slotOf(ctx.params.name);
          if (slot.status === "stopping" || slot.status === "starting") {
            throw new AzoraError("CONFLICT", `${slot.name} is ${slot.status} already`, { service: slot.name });
          }
          const actions = slot.service ? actionNames(slot.service) : [];
          failover.holds.begin(actions);
          void broker.broadcast("node-host.restarting", { actions, over: false });
          try {
            await carrier.stop(slot, ctx.params.drainTimeout);
            slot.incarnation = ctx.params.incarnation;
            if (ctx.params.fresh) slot.generation++;
            return await carrier.start(slot);
          } finally {
            failover.holds.end(actions);
            void broker.broadcast("node-host.restarting", { actions, over: true });
          }
        },
      },

      /** What this node carries. */
      state: {
        handler: () => ({ epoch: highestEpoch, slots: [...slots.values()].map((slot) => carrier.stateOf(slot)) }),
      },

      /** Asks all services of this node how they are. */
      health: {
        params: { timeout: { type: "number", min: 1, max: 600_000 } },
        timeout: 0,
        async handler(ctx: Context<{ timeout: number }>) {
          const asked = [...slots.values()].filter((slot) => slot.status === "started" || slot.status === "failed");
          return Promise.all(asked.map((slot) => askHealth(broker, slot, ctx.params.timeout)));
        },
      },

      /** Drains all services and ends the process. Answers at once. */
      shutdown: {
        params: { epoch, drainTimeout, comingBack: { type: "boolean", default: false } },
        handler(ctx: Context<{ epoch: number; drainTimeout: number; comingBack: boolean }>) {
          fence(ctx);
          if (ctx.params.comingBack) {
            const actions = [...slots.values()].flatMap(({ service }) => (service ? actionNames(service) : []));
            void broker.broadcast("node-host.restarting", { actions, over: false });
          }
          setImmediate(() => shutdown(ctx.params.drainTimeout));
        },
      },

      ...remedies({ broker, carrier, fence, limits }),
    },
    events: {
      "organism.closures"(ctx: Context<ClosureList>) {
        failover.takeClosures(ctx.params);
      },
      /** What an operator has changed about capture; only the chain tells it. */
      "chain.captured"(ctx: Context<CaptureState>) {
        record?.takeCaptured(ctx.params);
      },
      "node-host.restarting"(ctx: Context<{ actions: string[]; over: boolean }>) {
        if (ctx.nodeID === broker.nodeID) return;
        if (ctx.params.over) failover.holds.end(ctx.params.actions);
        else failover.holds.begin(ctx.params.actions);
      },
      /** A node that nobody reaches: its calls fail now instead of waiting for Moleculer's heartbeat. */
      "node-host.lost"(ctx: Context<{ id: string; instanceID: string }>) {
        const { id, instanceID } = ctx.params;
        const { nodes } = broker.registry as unknown as {
          nodes: {
            get(id: string): { available: boolean; instanceID: string } | undefined;
            disconnected(id: string, unexpected: boolean): void;
          };
        };
        const node = nodes.get(id);
        // A newer life of it is none of this; and one that wakes up finds the notice of its own loss waiting.
        if (id !== broker.nodeID && node?.available && node.instanceID === instanceID) nodes.disconnected(id, true);
      },
    },
    methods: {
      stopAll: (timeout: number) => carrier.stopAll(timeout),
    },
    async started() {
      timer = setInterval(() => void broker.emit("node.vitals", nodeVitals.report()), VITALS_EVERY_MS);
      timer.unref();
    },
    async stopped() {
      clearInterval(timer);
      nodeVitals.stop();
    },
  } as ServiceSchema;
}
