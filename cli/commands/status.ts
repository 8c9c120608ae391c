import { ApiClient, type OrganismStatus, type ServiceRecord } from "../api-client.ts";
import type { Command } from "../command.ts";
import { paint, paintStatus } from "../paint.ts";
import { bytes, duration, table } from "../table.ts";

const REFRESH_MS = 1000;

export const status: Command = {
  name: "status",
  usage: "",
  summary: "shows the organism: its nodes, its services, what was healed",
  options: { watch: { type: "boolean", short: "w", describe: "show it anew every second" } },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const client = new ApiClient(settings);
    for (;;) {
      const organism = await client.get<OrganismStatus>("/orchestrator/status");
      const services = await client.get<ServiceRecord[]>("/orchestrator/services");
      if (options["json"]) out(JSON.stringify({ ...organism, registry: services }));
      else out(`${options["watch"] ? "\x1b[2J\x1b[H" : ""}${render(organism, services)}`);
      if (!options["watch"]) return organism.status === "critical" ? 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  },
};

function render(organism: OrganismStatus, services: ServiceRecord[]): string {
  const { status, why, uptime, nodes, healing, breakers } = organism;
  const up = (organism.services["healthy"] ?? 0) + (organism.services["degraded"] ?? 0);
  const head = `${paintStatus(status)}  ${up} of ${organism.services["total"]} services up on ${nodes.filter((node) => node.status === "up").length} nodes, for ${duration(uptime)}`;
  const parts = [head, ...(status === "healthy" ? [] : [why]), "", nodeTable(nodes), "", serviceTable(services)];
  const acts = healing.slice(0, 5).map((act) => {
    const { at, target, failure, action, success, duration } = act;
    const cause = failure === "none" ? "asked for" : failure;
    const result = success ? paint("green", "helped") : paint("red", "did not help");
    const what =
      action === "quarantine" ? paint("red", "put into quarantine") : `${action} ${result} after ${duration} ms`;
    return `  ${paint("dim", at.slice(11, 19))}  ${target.service ?? target.node}  ${cause}: ${what}`;
  });
  const open = breakers.map(({ caller, callee, node, state, failures, reason }) => {
    const how = state === "open" ? paint("red", "open") : paint("yellow", "half-open");
    return `  ${caller} → ${callee} on ${node}  ${how} after ${failures} failures in a row${reason ? `: ${reason}` : ""}`;
  });
  return [
    ...parts,
    ...(open.length > 0 ? ["", paint("dim", "circuit breakers"), ...open] : []),
    ...(acts.length > 0 ? ["", paint("dim", "healing"), ...acts] : []),
  ].join("\n");
}

function nodeTable(nodes: OrganismStatus["nodes"]): string {
  return table(
    [
      { title: "NODE" },
      { title: "STATUS" },
      { title: "PID", align: "right" },
      { title: "LIFE", align: "right" },
      { title: "CPU", align: "right" },
      { title: "MEMORY", align: "right" },
      { title: "LOOP P99", align: "right" },
      { title: "UP", align: "right" },
      { title: "", flexible: true },
    ],
    nodes.map((node) => [
      node.id,
      paintStatus(node.status),
      node.pid ? String(node.pid) : "-",
      String(node.incarnation),
      `${Math.round(node.cpu)} %`,
      bytes(node.memory),
      `${node.loopDelayP99.toFixed(1)} ms`,
      duration(node.uptime),
      node.why ?? "",
    ]),
  );
}

function serviceTable(services: ServiceRecord[]): string {
  const sorted = [...services].sort(
    (a, b) => a.metadata.launchPhase - b.metadata.launchPhase || (a.metadata.name < b.metadata.name ? -1 : 1),
  );
  return table(
    [
      { title: "SERVICE" },
      { title: "STATUS" },
      { title: "PHASE", align: "right" },
      { title: "ON", flexible: true },
      { title: "CALLS", align: "right" },
      { title: "ERRORS", align: "right" },
      { title: "P95", align: "right" },
      { title: "RESTARTS", align: "right" },
    ],
    sorted.map(({ metadata, status, instances, metrics, restarts }) => [
      metadata.name,
      paintStatus(status),
      String(metadata.launchPhase),
      instances.map(({ node }) => (node.startsWith("program:") ? "own process" : node)).join(" "),
      String(metrics.requestCount),
      metrics.errorCount > 0 ? paint("red", String(metrics.errorCount)) : "0",
      `${metrics.p95ResponseTime} ms`,
      String(restarts),
    ]),
  );
}
