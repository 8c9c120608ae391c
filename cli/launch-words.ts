import { type Bus, readBus } from "../runtime/bus.ts";
import type { Problem, ProjectInfo } from "../runtime/discovery/plan.ts";
import { runFolderOf } from "../runtime/organism.ts";
import type { Settings } from "../runtime/settings.ts";
import type { ApiClient, OrganismStatus } from "./api-client.ts";
import type { StreamMessage } from "./organism-stream.ts";
import { paint, paintStatus } from "./paint.ts";

export function refusal(project: ProjectInfo, problems: Problem[]): string {
  const lines = problems.map(
    ({ file, field, problem, remedy }) =>
      `  ${paint("bold", file)}  ${field} ${problem}\n      ${paint("cyan", remedy)}`,
  );
  return `${paint("red", `${project.services} cannot be launched: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`)}\n${lines.join("\n")}`;
}

export function projectNotes(project: ProjectInfo): string[] {
  if (!project.foreign) return [];
  const own = "transporter, node id, namespace and logger are Azora's";
  return [project.config ? `${project.config} is used; ${own}` : `the project has no moleculer.config; ${own}`];
}

export function summary(
  client: ApiClient,
  settings: Settings,
  status: OrganismStatus,
  ms: number,
  adopted: boolean,
  out: (text: string) => void,
): void {
  const bus = readBus(runFolderOf(settings.AZORA_DATA_DIR));
  const nodes = status.nodes.filter((node) => node.status === "up");
  const { healthy = 0, degraded = 0, total = 0 } = status.services;
  out(
    `${paintStatus(status.status)}  ${healthy + degraded} of ${total} services on ${nodes.length} nodes ${adopted ? "were running already" : `after ${(ms / 1000).toFixed(1)} s`}`,
  );
  if (status.status !== "healthy") out(`  ${status.why}`);
  out(`  page  ${paint("cyan", client.pageUrl)}`);
  if (status.nodes.some(({ organ }) => organ === "lungs"))
    out(`  API   ${paint("cyan", `http://127.0.0.1:${settings.AZORA_PORT}/`)}`);
  out(`  bus   ${describeBus(bus, settings)}`);
  out(`  logs  ${settings.AZORA_LOG_DIR}`);
}

function describeBus(bus: Bus | undefined, settings: Settings): string {
  if (bus?.kind === "nats") return bus.server ? "a private nats-server" : "the configured NATS";
  const reason = settings.AZORA_EVENT_BUS_URL === "mesh" ? "as configured" : "since nats-server is not on PATH";
  return `the mesh, ${reason}; enough for one machine`;
}

export function eventLine({ type, at, data }: StreamMessage): string | undefined {
  const time = paint("dim", at.slice(11, 19));
  if (type === "healing_event") {
    const { target, failure, action, attempt, success, duration, reason } =
      data as unknown as OrganismStatus["healing"][number];
    const name = target.service ? `${target.service} on ${target.node ?? "its own process"}` : target.node;
    if (action === "quarantine") return `${time} ${name} ${failure}: ${paint("red", "put into quarantine")}: ${reason}`;
    const cause = failure === "none" ? "" : ` ${failure}:`;
    const which = attempt > 0 && failure !== "none" ? ` (attempt ${attempt})` : "";
    return `${time} ${name}${cause} ${action}${which} ${success ? paint("green", `healed it in ${duration} ms`) : paint("red", `failed: ${reason}`)}`;
  }
  if (type === "service_event" && ["quarantined", "timeout", "unhealthy"].includes(String(data["event"]))) {
    return `${time} ${data["name"]} on ${data["node"]}: ${paint("yellow", String(data["event"]))}`;
  }
  return undefined;
}
