import type { Plan } from "../../../runtime/discovery/plan.ts";
import type { Conductor } from "./conductor.ts";
import { restartKey } from "./instance-outcomes.ts";
import type { NodeState, ServiceState } from "./organism-state.ts";
import { organismStatus } from "./service-status.ts";

/** Counts of one service over all of its instances, as the monitoring service keeps them. */
export interface ServiceMetrics {
  requestCount: number;
  errorCount: number;
  /** ms */
  avgResponseTime: number;
  /** ms */
  p95ResponseTime: number;
}

const NO_METRICS: ServiceMetrics = { requestCount: 0, errorCount: 0, avgResponseTime: 0, p95ResponseTime: 0 };
const HEALING_SHOWN = 20;

/** What `GET /orchestrator/status` returns. */
export function statusView(conductor: Conductor) {
  const { state, launch, loop, journal } = conductor;
  const services = [...state.services.values()].map((service) => ({
    name: service.planned.name,
    priority: service.planned.priority,
    status: state.statusOf(service),
    why: state.why(service),
  }));
  const { status, why } = organismStatus(!launch.done, services);
  const own = [why];
  if (loop.isLate() && loop.lateness)
    own.push(
      `the orchestrator itself was late by ${(loop.lateness.by / 1000).toFixed(1)} s: bounds are widened and nothing is healed for now`,
    );
  if (journal.failure) own.push(`the journal cannot be written (${journal.failure})`);
  for (const { id, trouble } of state.nodes.values()) if (trouble) own.push(`${id}: ${trouble}`);
  return {
    status,
    why: own.join("; "),
    uptime: Math.round(process.uptime()),
    epoch: conductor.epoch,
    launch,
    services: state.counts(),
    nodes: [...state.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(nodeView),
    healing: journal.state.healing.slice(-HEALING_SHOWN).reverse(),
    breakers: [...state.nodes.values()].flatMap(({ breakers }) => breakers),
  };
}

function nodeView(node: NodeState) {
  const { id, organ, pid, host, status, incarnation, cpu, memory, loopDelayP99, since } = node;
  const why = [node.why, node.trouble].filter(Boolean).join("; ");
  // Its own word, since a process that was taken over is older than its being known here.
  const uptime = pid === 0 ? 0 : Math.round(Math.max(node.uptime, (Date.now() - since) / 1000));
  return { id, organ, pid, host, status, incarnation, cpu, memory, loopDelayP99, uptime, ...(why ? { why } : {}) };
}

/** Registry records of some services, with their calls as the monitoring service counts them. */
export async function serviceViews(conductor: Conductor, services: readonly ServiceState[]) {
  const names = services.map(({ planned }) => planned.name);
  const counted = conductor.broker.call("monitoring-service.services", { names }, { timeout: 2000 });
  const metrics = await (counted as Promise<Record<string, ServiceMetrics>>).catch(
    () => ({}) as Record<string, ServiceMetrics>,
  );
  return services.map((service) => serviceView(conductor, service, metrics[service.planned.name] ?? NO_METRICS));
}

function serviceView(conductor: Conductor, service: ServiceState, metrics: ServiceMetrics) {
  const { planned } = service;
  const { name, version, dependencies, softDependencies, priority, launchPhase, capabilities, organ, description } =
    planned;
  const instances = [...service.instances.values()].map(({ node, pid, incarnation, status }) => ({
    node,
    pid,
    incarnation,
    status,
  }));
  const keyOf = (node: string) => restartKey(planned, node);
  const { starts } = conductor.journal.state;
  return {
    metadata: {
      name,
      version: version ?? null,
      dependencies,
      softDependencies,
      priority,
      launchPhase,
      capabilities,
      organ,
      description,
    },
    status: conductor.state.statusOf(service),
    instances,
    restartAttempts: instances.reduce((sum, { node }) => sum + conductor.restarts.state(keyOf(node)).attempts, 0),
    restarts: instances.reduce((sum, { node }) => sum + Math.max(0, (starts[keyOf(node)] ?? 1) - 1), 0),
    metrics: { ...metrics, uptimePercentage: conductor.uptimes.percentage(name, Date.now()) },
  };
}

/** What `GET /orchestrator/health-status` returns. */
export function healthView(conductor: Conductor, lastCheck: string | null) {
  const { state } = conductor;
  const worst = [...state.services.values()]
    .map((service) => ({ name: service.planned.name, status: state.statusOf(service), why: state.why(service) }))
    .filter(({ status }) => status !== "healthy");
  return { counts: state.counts(), worst, lastCheck };
}

/** What `GET /orchestrator/dependencies` returns. */
export function dependencyView(plan: Plan) {
  return { nodes: plan.services.map(({ name }) => name), edges: plan.edges, order: plan.order, cycles: [] };
}
