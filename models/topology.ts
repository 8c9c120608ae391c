import type { HealingMetadata } from "./healing-metadata.ts";

/** Who is there, how they are and who needs whom: what `master-orchestrator.topology` answers. */
export interface Topology {
  /** Higher with each orchestrator. */
  epoch: number;
  launched: boolean;
  status: string;
  why: string;
  /** Wanted nodes, where they are not the default. */
  replicas: Record<string, number>;
  /** Whether the services are a project of its own layout, and not of Azora's. */
  foreign?: boolean;
  services: TopologyService[];
  nodes: TopologyNode[];
}

export interface TopologyService {
  name: string;
  kind: "service" | "program";
  organ: string;
  priority: string;
  status: string;
  why: string;
  aliases: string[];
  capabilities: string[];
  runtimeSystem: boolean;
  singleton: boolean;
  dependencies: string[];
  softDependencies: string[];
  healing: HealingMetadata;
  instances: { node: string; pid: number; incarnation: number; status: string }[];
}

export interface TopologyNode {
  id: string;
  organ: string;
  status: string;
  /** 0 while there is no process. */
  pid: number;
  host: string;
  /** On another machine. */
  remote: boolean;
  incarnation: number;
  /** Resident set, bytes. */
  memory: number;
  /** Share of one core, %. */
  cpu: number;
  /** Services that belong on it. */
  services: string[];
  /** What was set for its process, where something was. */
  options?: { memoryLimitMB?: number; niceness?: number };
}
