import type { ActionType, HealingTarget } from "../../../../models/healing.ts";
import { carriesRuntimeOnly } from "../../../../runtime/discovery/plan.ts";
import { renice } from "../../../../runtime/spawn-process.ts";
import type { Conductor } from "../conductor.ts";
import { MAX_REPLICAS, type Operator } from "../operator.ts";
import type { NodeState, ServiceState } from "../organism-state.ts";
import { ORCHESTRATOR_NODE } from "../placement.ts";
import { failover } from "./failover.ts";
import { refuse } from "./refusal.ts";

/** What was seen before and after. */
export interface Observation {
  success: boolean;
  before: string;
  after: string;
  reason: string;
}

/** Who is to be healed. A service, a node, or a service on one of its nodes. */
export interface Patient {
  service?: ServiceState;
  node?: NodeState;
  target: HealingTarget;
}

export interface Tools {
  conductor: Conductor;
  operator: Operator;
}

type Act = (tools: Tools, patient: Patient, parameters: Record<string, never>, timeout: number) => Promise<Observation>;

/** How each action is carried out. Each ends when its wanted state was seen, or with what was seen instead. */
export const ACTS: Record<ActionType, Act> = {
  async restart({ conductor, operator }, { service, node, target }, { force = false }) {
    const name = target.service ?? target.node!;
    const before = service ? describeService(conductor, service) : describeNode(node!);
    if (service && node) {
      const instance = service.instances.get(node.id) ?? refuse(`${name} is not on ${node.id}`);
      const problem = await operator.restartInstance(service, instance, force ? 0 : undefined);
      return {
        success: problem === undefined,
        before,
        after: describeService(conductor, service),
        reason: problem ?? `it was restarted on ${node.id}${force ? " without draining" : ""}`,
      };
    }
    await operator.restart(name, force ? 0 : undefined);
    return {
      success: true,
      before,
      after: service ? describeService(conductor, service) : describeNode(node!),
      reason: `it was restarted${force ? " without draining" : ""} and is healthy`,
    };
  },

  async "scale-up"({ conductor, operator }, { service, node }, { by = 1 }) {
    if (service?.planned.singleton) refuse(`${service.planned.name} is a singleton; more nodes would not carry it`);
    if (service?.planned.kind === "program") refuse(`${service.planned.name} is a program; it is its own process`);
    const organ = service?.planned.organ ?? node!.organ;
    const count = () => countOf(conductor, organ);
    const from = count();
    if (from + by > MAX_REPLICAS) refuse(`${organ} has ${counted(from)}; more than ${MAX_REPLICAS} are not allowed`);
    const before = service ? describeService(conductor, service) : `${organ} has ${counted(from)}`;
    const { nodes } = await operator.scale(organ, from + by - aloneOf(conductor, organ));
    return {
      success: nodes.length >= from + by,
      before,
      after: service ? describeService(conductor, service) : `${organ} has ${counted(count())}`,
      reason: `${organ} runs on ${nodes.join(", ")}`,
    };
  },

  async "scale-down"({ conductor, operator }, { service, node }, { by = 1 }) {
    const organ = service?.planned.organ ?? node!.organ;
    const from = countOf(conductor, organ);
    // One that is Azora's alone is beside those that scaling is about, too.
    const reserved = from > 1 && carriesRuntimeOnly(`${organ}-1`, conductor.state.plan.project) ? 1 : 0;
    const least = aloneOf(conductor, organ) + reserved + 1;
    if (from - by < least) refuse(`${organ} has ${counted(from)}, and ${least} of them must stay`);
    const before = `${organ} has ${counted(from)}`;
    const { nodes } = await operator.scale(organ, from - by - aloneOf(conductor, organ));
    return {
      success: nodes.length <= from - by,
      before,
      after: `${organ} has ${counted(countOf(conductor, organ))}`,
      reason: `${organ} runs on ${nodes.join(", ")}`,
    };
  },

  async reconnect({ conductor }, patient, { what = ["bus", "database", "cache"] }, timeout) {
    return onEachNode(conductor, patient, (node, name) => conductor.commands.reconnect(node, name, what, timeout));
  },

  async "clear-cache"({ conductor }, patient, _parameters, timeout) {
    return onEachNode(conductor, patient, (node, name) =>
      conductor.commands.clearCache(node, name ?? refuse("name the service whose cache is to be cleared"), timeout),
    );
  },

  failover: (tools, patient, _parameters, timeout) => failover(tools, patient, timeout),

  async "resource-adjust"({ conductor, operator }, patient, { concurrency, memoryLimitMB, atNextStart, niceness }) {
    const { service, node } = patient;
    if (concurrency === undefined && memoryLimitMB === undefined && niceness === undefined)
      refuse("name what is to be adjusted: concurrency, memoryLimitMB or niceness");
    const seen: Observation[] = [];
    if (concurrency !== undefined) {
      const { name } = service?.planned ?? refuse("concurrency belongs to a service; name one");
      conductor.journal.append({ type: "limit", service: name, concurrency, at: new Date().toISOString() });
      seen.push(await onEachNode(conductor, patient, (id) => conductor.commands.limit(id, name, concurrency)));
    }
    if (memoryLimitMB !== undefined || niceness !== undefined) {
      const options = {
        ...(memoryLimitMB === undefined ? {} : { memoryLimitMB }),
        ...(niceness === undefined ? {} : { niceness }),
      };
      for (const one of node ? [node] : nodesOf(conductor, service!)) {
        seen.push(await adjustNode({ conductor, operator }, one, options, atNextStart ?? false));
      }
    }
    return combine(seen);
  },
};

async function adjustNode(
  { conductor, operator }: Tools,
  node: NodeState,
  options: { memoryLimitMB?: number | null; niceness?: number },
  atNextStart: boolean,
): Promise<Observation> {
  if (node.remote) refuse(`${node.id} runs on ${node.host}; adjust its process there`);
  if (options.memoryLimitMB !== undefined && node.id === ORCHESTRATOR_NODE)
    refuse(`${node.id} carries the orchestrator itself; its memory cannot be limited from here`);
  const { journal } = conductor;
  const before = `${node.id}: ${describeOptions(journal.state.nodeOptions[node.id])}`;
  journal.append({ type: "node-options", node: node.id, options, at: new Date().toISOString() });
  // A heap limit is given at the start of a process.
  if (options.memoryLimitMB !== undefined && !atNextStart) await operator.restart(node.id);
  const priority = options.niceness === undefined ? undefined : renice(node.pid, options.niceness);
  const success = priority === undefined || priority === options.niceness;
  const after = `${node.id}: ${describeOptions({ ...journal.state.nodeOptions[node.id], ...(priority === undefined ? {} : { niceness: priority }) })}`;
  const held =
    atNextStart && options.memoryLimitMB !== undefined
      ? "its process starts with it the next time"
      : "the process runs with it";
  const reason = success ? held : `this user may not set niceness ${options.niceness}`;
  return { success, before, after, reason };
}

function countOf({ state }: Conductor, organ: string): number {
  return [...state.nodes.values()].filter((one) => one.organ === organ && !one.remote).length;
}

/** Nodes of isolated services, which are there beside those that scaling is about. */
function aloneOf({ state }: Conductor, organ: string): number {
  return state.plan.services.filter((one) => one.organ === organ && one.isolate && one.kind === "service").length;
}

/** Carries a remedy out on every node of the service, or on the node that was named. */
async function onEachNode(
  conductor: Conductor,
  { service, node }: Patient,
  remedy: (node: string, service: string | undefined) => Promise<{ before: string; after: string }>,
): Promise<Observation> {
  const nodes = node ? [node] : nodesOf(conductor, service!);
  const up = nodes.filter(({ status }) => status === "up");
  if (up.length === 0) refuse(`${service?.planned.name ?? node?.id} is on no node that is up`);
  const seen = await Promise.all(
    up.map(async ({ id }): Promise<Observation> => {
      try {
        const { before, after } = await remedy(id, service?.planned.name);
        return { success: true, before: `${id}: ${before}`, after: `${id}: ${after}`, reason: `seen on ${id}` };
      } catch (error) {
        const { message } = error as Error;
        return { success: false, before: `${id}: not asked`, after: `${id}: ${message}`, reason: `${id}: ${message}` };
      }
    }),
  );
  return combine(seen);
}

function nodesOf(conductor: Conductor, service: ServiceState): NodeState[] {
  if (service.planned.kind === "program")
    refuse(`${service.planned.name} is a program in a process of its own; only restart fits it`);
  return [...service.instances.keys()].flatMap((id) => conductor.state.nodes.get(id) ?? []);
}

function combine(seen: readonly Observation[]): Observation {
  return {
    success: seen.every(({ success }) => success),
    before: seen.map(({ before }) => before).join("; "),
    after: seen.map(({ after }) => after).join("; "),
    reason: [...new Set(seen.map(({ reason }) => reason))].join("; "),
  };
}

const counted = (nodes: number) => (nodes === 1 ? "1 node" : `${nodes} nodes`);

export function describeService({ state }: Conductor, service: ServiceState): string {
  const places = [...service.instances.values()].map(({ node, incarnation }) => `${node} (life ${incarnation})`);
  return `${state.statusOf(service)} on ${places.join(", ") || "no node"}`;
}

function describeNode({ status, pid, incarnation }: NodeState): string {
  return `${status}, pid ${pid}, life ${incarnation}`;
}

function describeOptions({ memoryLimitMB, niceness }: { memoryLimitMB?: number; niceness?: number } = {}): string {
  return `heap limit ${memoryLimitMB ? `${memoryLimitMB} MB` : "Node's own"}, niceness ${niceness ?? 0}`;
}
