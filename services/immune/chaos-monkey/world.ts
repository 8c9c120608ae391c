import type { ServiceBroker } from "moleculer";
import type { HealingRecord } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { NodeContext } from "../../../runtime/node-context.ts";
import type { Caller, ListedAction } from "./call-probe.ts";
import { type Intervention, type InterventionRequest, intervene } from "./intervention.ts";

/** What a run needs of the world. */
export interface World {
  clock: Clock;
  /** Node on which chaos-monkey lives. */
  self: string;
  /** Nothing where the orchestrator does not answer. */
  topology(): Promise<Topology | undefined>;
  intervene(request: InterventionRequest): Promise<Intervention>;
  actions(): ListedAction[];
  call: Caller;
  /** Newest first. */
  history(): Promise<HealingRecord[]>;
}

const LOOK_TIMEOUT_MS = 1500;

export function worldOf(broker: ServiceBroker, context: NodeContext, clock: Clock): World {
  const ask = <T>(action: string, params: object = {}): Promise<T> =>
    broker.call(action, params, { timeout: LOOK_TIMEOUT_MS }) as Promise<T>;
  return {
    clock,
    self: broker.nodeID,
    topology: () => ask<Topology>("master-orchestrator.topology").catch(() => undefined),
    intervene: (request) => intervene(broker, context, clock, request),
    actions: () => listedActions(broker),
    call: (action, params, timeout) => broker.call(action, params, { timeout }),
    history: () => ask<HealingRecord[]>("master-orchestrator.history", { limit: 100 }),
  };
}

function listedActions(broker: ServiceBroker): ListedAction[] {
  const listed = broker.registry.actions.list({ onlyAvailable: true, skipInternal: true }) as {
    name: string;
    action?: { idempotent?: boolean; params?: object };
  }[];
  return listed.map(({ name, action }) => ({
    name,
    service: name.slice(0, name.lastIndexOf(".")),
    ...(action?.idempotent === undefined ? {} : { idempotent: action.idempotent }),
    ...(action?.params ? { params: action.params } : {}),
  }));
}
