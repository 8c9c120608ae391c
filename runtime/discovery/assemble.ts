import { relative } from "node:path";
import { nearest } from "../nearest.ts";
import { findCycles, launchOrder } from "./graph.ts";
import { checkMetadata, type ServiceMetadata, show } from "./metadata.ts";
import {
  type Edge,
  type Plan,
  type PlannedService,
  type Problem,
  type ProgramSpec,
  type ProjectInfo,
  RUNTIME_CAPABILITY,
} from "./plan.ts";
import type { Probed } from "./probe.ts";
import { organOfPath } from "./scan.ts";

/** One file as it was read, and where it came from. */
export interface Candidate extends Probed {
  kind: "service" | "program";
  program?: ProgramSpec;
  /** True for Azora's own services when a foreign project runs: only its runtime systems stay. */
  beside: boolean;
  /** The scanned folder, from which paths are shown. */
  folder: string;
}

const DEFAULT_PHASE = 4;

/** Turns what was read into a plan, or into the list of everything that is wrong with it. */
export function assemble(
  project: ProjectInfo,
  candidates: readonly Candidate[],
  earlier: readonly Problem[] = [],
): { plan: Plan; problems: [] } | { plan: undefined; problems: Problem[] } {
  const problems: Problem[] = [...earlier];
  const notes: string[] = [];
  const complain = (candidate: Candidate, field: string, problem: string, remedy: string) =>
    problems.push({ file: relative(candidate.folder, candidate.file), field, problem, remedy });

  const kept: { candidate: Candidate; service: PlannedService; wanted: string[][]; external: Set<string> }[] = [];
  for (const candidate of [...candidates].sort((a, b) => (a.file < b.file ? -1 : 1))) {
    if (candidate.error) {
      complain(candidate, "file", `does not load: ${candidate.error}`, "mend the file, or take it out of the folder");
      continue;
    }
    const fields = checkMetadata(candidate.metadata);
    const dependencies = readDependencies(candidate.dependencies);
    if ("wrong" in dependencies) {
      fields.push({
        field: "dependencies",
        problem: `is ${show(dependencies.wrong)}`,
        remedy: "must be names or {name, version}",
      });
    }
    for (const { field, problem, remedy } of fields) complain(candidate, field, problem, remedy);
    // A wrong field is left out and reading goes on, so that everything wrong is told at once.
    const wrong = new Set(fields.map(({ field }) => field.replace("metadata.", "")));
    const sound = Object.entries(candidate.metadata ?? {}).filter(([field]) => !wrong.has(field));
    const metadata = Object.fromEntries(sound) as ServiceMetadata;
    const service = plannedService(candidate, metadata);
    const external = new Set(metadata.externalDependencies);
    const wanted = "groups" in dependencies ? dependencies.groups : [];
    if (!candidate.beside || service.runtimeSystem) kept.push({ candidate, service, wanted, external });
  }

  const byName = new Map<string, (typeof kept)[number]>();
  for (const one of kept) {
    const twin = byName.get(one.service.name);
    if (twin) {
      const other = relative(twin.candidate.folder, twin.candidate.file);
      complain(
        one.candidate,
        "name",
        `is ${show(one.service.name)}, as in ${other}`,
        "give one of them another name or version",
      );
    } else byName.set(one.service.name, one);
  }
  const names = new Map<string, string>();
  for (const { service } of byName.values()) for (const alias of service.aliases) names.set(alias, service.name);
  for (const name of byName.keys()) names.set(name, name);

  const edges: Edge[] = [];
  for (const { candidate, service, wanted, external } of byName.values()) {
    for (const group of wanted) {
      if (group.some((name) => external.has(name) || name.startsWith("$"))) continue;
      const known = group.map((name) => names.get(name)).find((name) => name !== undefined);
      if (known === undefined) {
        const meant = nearest(group[0]!, names.keys());
        const remedy = meant
          ? `did you mean "${meant}"?`
          : "add that service, or name it in metadata.externalDependencies";
        complain(candidate, "dependencies", `names ${show(group[0])}, which is not in the folder`, remedy);
        continue;
      }
      const target = byName.get(known)!.service;
      if (target.launchPhase > service.launchPhase) {
        const problem = `"${service.name}" (phase ${service.launchPhase}) needs "${known}", which is launched later (phase ${target.launchPhase})`;
        complain(
          candidate,
          "dependencies",
          problem,
          "move one to another metadata.launchPhase, or make the dependency soft",
        );
      }
      if (!service.dependencies.includes(known)) service.dependencies.push(known);
      if (target.kind === "program") service.renamed[group[0]!] = "";
      else if (!group.includes(known)) service.renamed[group[0]!] = known;
      edges.push({ from: service.name, to: known, kind: "hard" });
    }
    const standby = service.healing?.standby;
    if (standby !== undefined && !byName.has(standby)) {
      const meant = nearest(standby, byName.keys());
      const remedy = meant ? `did you mean "${meant}"?` : "name a service of the folder";
      complain(candidate, "metadata.healing.standby", `names ${show(standby)}, which is not in the folder`, remedy);
    }
    for (const name of service.softDependencies) {
      const known = names.get(name);
      if (known) edges.push({ from: service.name, to: known, kind: "soft" });
      else {
        service.absent.push(name);
        const meant = nearest(name, names.keys());
        notes.push(`${service.name}: soft dependency "${name}" is absent${meant ? ` (did you mean "${meant}"?)` : ""}`);
      }
    }
  }

  const all = [...byName.keys()];
  for (const cycle of findCycles(all, edges)) {
    complain(
      byName.get(cycle[0]!)!.candidate,
      "dependencies",
      `form a cycle: ${cycle.join(" → ")}`,
      "make one of these edges soft (metadata.softDependencies)",
    );
  }
  if (all.length === 0 && problems.length === 0) {
    problems.push({
      file: project.services,
      field: "folder",
      problem: "has no services",
      remedy: "files must be named <name>.service.ts, .js, .mjs, .cjs or .json",
    });
  }
  if (problems.length > 0) return { plan: undefined, problems };
  const services = [...byName.values()].map(({ service }) => service);
  return { plan: { project, services, edges, order: launchOrder(all, edges), notes }, problems: [] };
}

function plannedService(candidate: Candidate, metadata: ServiceMetadata): PlannedService {
  const { kind, file, folder, program, version } = candidate;
  return {
    name: candidate.fullName!,
    file,
    kind,
    organ: organOfPath(folder, file) ?? metadata.organ ?? "muscles",
    launchPhase: metadata.launchPhase ?? DEFAULT_PHASE,
    priority: metadata.priority ?? "medium",
    capabilities: metadata.capabilities ?? [],
    description: metadata.description ?? "",
    aliases: metadata.aliases ?? [],
    dependencies: [],
    renamed: {},
    softDependencies: metadata.softDependencies ?? [],
    absent: [],
    singleton: metadata.singleton ?? false,
    isolate: metadata.isolate ?? false,
    runtimeSystem: (metadata.capabilities ?? []).includes(RUNTIME_CAPABILITY),
    ...(metadata.healing ? { healing: metadata.healing } : {}),
    ...(program ? { program } : {}),
    ...(version !== undefined ? { version } : {}),
    ...(metadata.startupTimeout ? { startupTimeout: metadata.startupTimeout } : {}),
  };
}

/** Each group holds full names of which one must be there; only a list of versions gives more than one. */
function readDependencies(value: unknown): { groups: string[][] } | { wrong: unknown } {
  if (value === undefined || value === null) return { groups: [] };
  const groups: string[][] = [];
  for (const entry of Array.isArray(value) ? value : [value]) {
    if (typeof entry === "string" && entry !== "") groups.push([entry]);
    else if (typeof entry === "object" && entry !== null && typeof entry.name === "string") {
      const versions: unknown[] = Array.isArray(entry.version) ? entry.version : [entry.version];
      groups.push(versions.map((version) => fullName(entry.name, version)));
    } else return { wrong: entry };
  }
  return { groups };
}

/** As Moleculer builds it: `posts` of version 2 is `v2.posts`, of version "staging" `staging.posts`. */
function fullName(name: string, version: unknown): string {
  if (version === undefined || version === null) return name;
  return `${typeof version === "number" ? `v${version}` : version}.${name}`;
}
