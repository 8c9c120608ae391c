import type { ServiceBroker } from "moleculer";
import type { Clock } from "../../../runtime/clock.ts";
import type { PlannedService } from "../../../runtime/discovery/plan.ts";
import type { Mesh } from "../../../runtime/mesh/mesh.ts";
import type { Organism } from "../../../runtime/organism.ts";
import type { Fleet } from "./fleet.ts";
import type { Advice } from "./healing/advice.ts";
import type { HealingLog } from "./healing/healing-log.ts";
import type { RestartPolicy } from "./healing/policy.ts";
import type { Restarts } from "./healing/restarts.ts";
import type { Journal } from "./journal.ts";
import type { NodeCommands } from "./node-commands.ts";
import type { OrchestratorConfig } from "./orchestrator.config.ts";
import type { OrganismState } from "./organism-state.ts";

/** What happened to a service, as the stream tells it. */
export interface ServiceEvent {
  name: string;
  node: string;
  incarnation: number;
  event:
    | "starting"
    | "started"
    | "stopped"
    | "failed"
    | "timeout"
    | "unhealthy"
    | "recovered"
    | "quarantined"
    | "released";
  why?: string;
}

/** What those who keep nodes, services and programs alive share. */
export interface KeeperContext {
  broker: ServiceBroker;
  logger: ServiceBroker["logger"];
  mesh: Mesh;
  organism: Organism;
  config: OrchestratorConfig;
  clock: Clock;
  state: OrganismState;
  journal: Journal;
  fleet: Fleet;
  commands: NodeCommands;
  restarts: Restarts;
  healing: HealingLog;
  advice: Advice;
  policyOf(service: PlannedService): RestartPolicy;
  /** The observed or the wanted state has changed: what is missing is started. */
  changed(): void;
  tell(event: ServiceEvent): void;
  /** Enters an epoch beyond one that a node has seen. */
  outdo(epoch: number): void;
  /** True while this process was late itself and nothing is to be held against others. */
  isLate(): boolean;
  /** True once everything is being stopped. */
  isStopping(): boolean;
}
