import type { HealingMetadata } from "../../models/healing-metadata.ts";
import type { Organ, Priority } from "./metadata.ts";

/** A program that is no Moleculer service, as its `<name>.service.json` describes it. */
export interface ProgramSpec {
  command: string;
  args: string[];
  /** Absolute. */
  cwd: string;
  env: Record<string, string>;
  port?: number;
  /** Path of its health page. Without it the usual ones are tried. */
  health?: string;
}

export interface PlannedService {
  /** Moleculer's full name, as `v2.posts`. */
  name: string;
  version?: string | number;
  /** Absolute path of its file. */
  file: string;
  kind: "service" | "program";
  program?: ProgramSpec;
  organ: Organ;
  launchPhase: number;
  priority: Priority;
  capabilities: string[];
  description: string;
  aliases: string[];
  /** Hard dependencies that are launched here; full names. One of each group must be there. */
  dependencies: string[];
  softDependencies: string[];
  /**
   * Names in the service's own `dependencies` that Moleculer would wait for in vain: an alias stands for the full name,
   * a program for `""`.
   */
  renamed: Record<string, string>;
  /** Soft dependencies that are not in the folder. */
  absent: string[];
  singleton: boolean;
  isolate: boolean;
  /** ms; the orchestrator's default where the service says nothing. */
  startupTimeout?: number;
  /** How it wants to be healed. Absent in a plan of an earlier version. */
  healing?: HealingMetadata;
  /** Runs the organism itself; launched first, also beside a foreign project. */
  runtimeSystem: boolean;
}

/** Where the services come from. */
export interface ProjectInfo {
  /** Absolute; where `.env`, `moleculer.config` and `package.json` are looked for. */
  root: string;
  /** Absolute; the folder that was scanned. */
  services: string;
  /** True for a project that is not Azora itself: then only runtime systems start beside it. */
  foreign: boolean;
  /** Absolute path of the project's own broker configuration, if it has one. */
  config?: string;
}

/** The outcome of discovery: everything that the orchestrator needs to know of the services. */
export interface Plan {
  project: ProjectInfo;
  services: PlannedService[];
  edges: Edge[];
  /** Names that may start together, step after step. */
  order: string[][];
  /** What is worth knowing and stops nothing. */
  notes: string[];
}

export interface Edge {
  from: string;
  to: string;
  kind: "hard" | "soft";
}

/** Why the folder is refused. */
export interface Problem {
  file: string;
  field: string;
  problem: string;
  remedy: string;
}

export const RUNTIME_CAPABILITY = "runtime";

/**
 * The organ whose first node carries a runtime system, which shares that process with other runtime systems only; undefined
 * where it stands among the services of its organ. The orchestrator must outlive all others. The services of a foreign
 * project must not share a process with those that heal them, judge them and know where alerts are sent: these share one.
 */
export function reservedOrgan(organ: Organ, { foreign }: ProjectInfo): Organ | undefined {
  if (organ === "nervous") return "nervous";
  return foreign && (organ === "immune" || organ === "brain") ? "immune" : undefined;
}

/** True for a node that runs Azora's own systems and nothing else. */
export function carriesRuntimeOnly(node: string, project: ProjectInfo): boolean {
  const organ = /^(\w+)-1$/.exec(node)?.[1];
  return organ !== undefined && reservedOrgan(organ as Organ, project) === organ;
}
