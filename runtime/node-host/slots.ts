import type { Service } from "moleculer";
import type { HealthAnswer } from "./service-health.ts";

/** What a node host knows of one service that it carries. */
export interface Slot {
  /** Full name. */
  name: string;
  file: string;
  renamed: Record<string, string>;
  /** One life of this service on this node; given by the orchestrator. */
  incarnation: number;
  status: "starting" | "started" | "stopping" | "failed";
  error?: string;
  /** ms since the epoch, of the last successful start. */
  startedAt?: number;
  /** Counts loads with fresh code. */
  generation: number;
  service?: Service;
  /** Services that it made itself. */
  children: Service[];
}

/** A slot as it is told to others. */
export type SlotState = Omit<Slot, "service" | "children" | "generation"> & {
  node: string;
  pid: number;
  health?: HealthAnswer;
};

/** Names of the actions that can be called from outside the service. */
export function actionNames(service: Service): string[] {
  const { actions } = (service as unknown as { _serviceSpecification: { actions: Record<string, unknown> } })
    ._serviceSpecification;
  return Object.keys(actions);
}
