import { type BrokerOptions, type Middleware, ServiceBroker } from "moleculer";
import { brokerOptions } from "../moleculer.config.ts";
import type { Accounting } from "./accounting/accounting.ts";
import { powerOfTwo } from "./balancer/power-of-two.ts";
import { CircuitBreakers } from "./breaker/circuit-breakers.ts";
import type { Bus } from "./bus.ts";
import { nodeCacher } from "./cache/node-cache.ts";
import { ConcurrencyLimits } from "./concurrency/concurrency-limits.ts";
import { FrontDoor } from "./concurrency/front-door.ts";
import { Deadlines } from "./deadlines/deadlines.ts";
import { Failover } from "./failover/failover.ts";
import { connectFast } from "./fast-connect.ts";
import { CallStamp } from "./load/call-stamp.ts";
import { LoadModel } from "./load/load-model.ts";
import type { JsonLogger } from "./logger.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { MeshTransporter } from "./mesh/mesh-transporter.ts";
import { NatsTransporter, natsOptions } from "./nats-transporter.ts";
import { OwnValidator } from "./own-validator.ts";
import type { Settings } from "./settings.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { VitalsRegistry, vitalsMiddleware } from "./vitals/action-vitals.ts";
import { LostCalls } from "./vitals/lost-calls.ts";

export interface NodeBrokerOptions {
  nodeId: string;
  namespace: string;
  bus: Bus;
  settings: Settings;
  logger: JsonLogger;
  metadata: Record<string, unknown>;
  /** Absent on a node that joins from another machine. */
  mesh?: Mesh;
  /** The configuration of a foreign project. */
  own?: BrokerOptions;
  /** A runtime node beside a foreign project speaks its serialiser, and takes nothing else of its configuration. */
  onlySerializer?: boolean;
  /** Stand closest to the services. */
  innermost?: Middleware[];
  /** Counts what the node sends and receives. Absent on a guest, who has no chain to tell it to. */
  accounting?: Accounting;
  /** Makes traces of sampled requests. Absent where no collector is configured. */
  tracing?: Tracing;
}

export interface NodeBroker {
  broker: ServiceBroker;
  vitals: VitalsRegistry;
  failover: Failover;
  breakers: CircuitBreakers;
  limits: ConcurrencyLimits;
  load: LoadModel;
  door: FrontDoor;
}

/** A broker as every node has it: on the organism's bus, with vitals, failover and load control. It is not started. */
export function createNodeBroker(options: NodeBrokerOptions): NodeBroker {
  const { nodeId, namespace, bus, settings, logger, mesh, metadata, own, onlySerializer, innermost = [] } = options;
  const vitals = new VitalsRegistry();
  const lost = new LostCalls();
  const failover = new Failover(lost);
  const load = new LoadModel();
  const stamp = new CallStamp(load.now);
  const breakers = new CircuitBreakers({
    load,
    stamp,
    threshold: settings.AZORA_CIRCUIT_BREAKER_THRESHOLD,
    resetTimeout: settings.AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT * settings.AZORA_HEALING_TIME_SCALE,
    lost,
  });
  const limits = new ConcurrencyLimits({ stamp, elsewhere: (ctx, refusal) => failover.elsewhere(ctx, refusal) });
  const door = new FrontDoor(limits);
  const base = own && !onlySerializer ? { ...own } : brokerOptions(settings);
  // A project that names no cacher, not even none, has not chosen.
  if (base.cacher === undefined) base.cacher = nodeCacher(settings);
  if (base.validator === undefined || base.validator === true) base.validator = new OwnValidator() as never;
  if (own && onlySerializer) base.serializer = own.serializer ?? "JSON";
  // Where the bus chooses the receiver, the sender does not know whom to count for.
  const accounting = base.disableBalancer ? undefined : options.accounting;
  const broker = new ServiceBroker({
    ...base,
    nodeID: nodeId,
    namespace,
    logger: logger as unknown as BrokerOptions["logger"],
    transporter: bus.kind === "nats" ? new NatsTransporter(natsOptions(bus.url)) : new MeshTransporter(mesh!),
    metadata: { ...base.metadata, ...metadata, ...accounting?.metadata },
    ...(accounting ? { uidGenerator: accounting.uidGenerator(base.uidGenerator) } : {}),
    middlewares: [
      ...(accounting ? [accounting.receiving()] : []),
      failover.middleware(),
      ...innermost,
      limits.middleware(),
      ...((base.middlewares ?? []) as Middleware[]),
      door.wire(),
      ...(options.tracing ? [options.tracing.sending] : []),
      ...(accounting ? [accounting.sending()] : []),
    ],
    registry: balanced(base.registry, load),
    errorHandler: failover.errorHandler(base.errorHandler ?? undefined),
    // Deaths come through the mesh; the heartbeat is for nodes on other machines.
    heartbeatInterval: 5,
    heartbeatTimeout: 15,
    dependencyInterval: 50,
    transit: { ...base.transit, serviceChangedDebounceTime: 10 },
    skipProcessEventRegistration: true,
  } as BrokerOptions);
  // What is added after the constructor lies outside Moleculer's own. The breakers: so that time-outs count. The
  // vitals: a call counts from its arrival, before validation, cache and queues. The door outermost: to refuse costs least.
  const { middlewares } = broker as unknown as { middlewares: { add(middleware: Middleware): void } };
  new Deadlines(stamp, { expired: (ctx) => limits.abandon(ctx) }).replaceOwn(broker);
  middlewares.add(breakers.middleware(broker));
  if (options.tracing) middlewares.add(options.tracing.calls);
  middlewares.add(vitalsMiddleware(vitals, { stamp }));
  middlewares.add(door.middleware(broker));
  if (accounting) lost.watch((node) => accounting.lost(node));
  if (mesh) mesh.self.instanceId = broker.instanceID;
  connectFast(broker, mesh);
  return { broker, vitals, failover, breakers, limits, load, door };
}

/** Our strategy, which looks itself after whom it prefers; a strategy that a project has chosen stays. */
function balanced(registry: BrokerOptions["registry"], model: LoadModel): BrokerOptions["registry"] {
  if (registry?.strategy !== undefined && registry.strategy !== "RoundRobin") return registry;
  const preferLocal = registry?.preferLocal ?? true;
  return { ...registry, strategy: powerOfTwo({ model, preferLocal }) as never, preferLocal: false };
}
