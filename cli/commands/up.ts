import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { type Bus, readBus } from "../../runtime/bus.ts";
import { warmCompileCache } from "../../runtime/compile-cache.ts";
import { discover } from "../../runtime/discovery/discover.ts";
import type { Plan, Problem, ProjectInfo } from "../../runtime/discovery/plan.ts";
import { locateProject } from "../../runtime/discovery/scan.ts";
import { readOrganism, readPlan, runFolderOf } from "../../runtime/organism.ts";
import { projectEnvironment } from "../../runtime/project.ts";
import type { Settings } from "../../runtime/settings.ts";
import { ApiClient, type OrganismStatus } from "../api-client.ts";
import { type Command, CommandError } from "../command.ts";
import { type LaunchProgress, LaunchView } from "../launch-view.ts";
import { followStream, type StreamMessage } from "../organism-stream.ts";
import { paint, paintStatus } from "../paint.ts";
import { spineProcess } from "../running.ts";
import { lastWords, startOrganism } from "../start-organism.ts";
import { stopOrganism } from "./down.ts";

/** Time in which the orchestrator must answer, ms. */
const ANSWER_MS = 30_000;

export const up: Command = {
  name: "up",
  usage: "[folder]",
  summary: "starts the services of a folder, and keeps them running",
  options: {
    detach: { type: "boolean", short: "d", describe: "leave it running in the background" },
    dev: { type: "boolean", describe: "restart services whose files change" },
  },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const json = Boolean(options["json"]);
    const say = (text: string) => (json ? undefined : out(text));
    const since = Date.now();
    const adopted = spineProcess(settings) !== undefined;
    const plan = adopted ? adoptedPlan(settings, args[0]) : await newPlan(settings, args[0], say);
    if (!plan) return 1;
    if (!adopted) {
      prepareFolders(settings);
      for (const note of [...projectNotes(plan.project), ...plan.notes]) say(paint("dim", `note: ${note}`));
      await startOrganism(settings, plan, Boolean(options["dev"]));
    }
    const client = new ApiClient(settings);
    await untilAnswers(client, settings);
    const status = await untilLaunched(client, settings, json);
    if (json) out(JSON.stringify(status));
    else summary(new ApiClient(settings), settings, status, Date.now() - since, adopted, out);
    if (options["detach"]) return status.status === "critical" ? 1 : 0;
    return stayUntilInterrupted(client, settings, say);
  },
};

/** The organism runs already: it is taken as it is. */
function adoptedPlan(settings: Settings, folder: string | undefined): Plan {
  const organism = readOrganism(settings.AZORA_DATA_DIR)!;
  const plan = readPlan(organism.dataDir);
  if (folder === undefined) return plan;
  const wanted = locateProject(folder, process.cwd());
  if ("refusal" in wanted) throw new CommandError(wanted.refusal);
  if (resolve(wanted.services) !== resolve(plan.project.services)) {
    throw new CommandError(
      `an organism of ${plan.project.services} is running with this data folder; stop it with "azora down", or set AZORA_DATA_DIR, AZORA_NAMESPACE and the ports for a second one`,
    );
  }
  return plan;
}

async function newPlan(
  settings: Settings,
  folder: string | undefined,
  say: (text: string) => void,
): Promise<Plan | undefined> {
  refuseMongo(settings);
  const project = locateProject(folder === undefined ? undefined : resolve(folder), process.cwd());
  if ("refusal" in project) throw new CommandError(project.refusal);
  const discovery = discover(project, { env: projectEnvironment(project) });
  const [{ plan, problems }] = await Promise.all([discovery, warmCompileCache(project.foreign)]);
  if (plan) return plan;
  console.error(refusal(project, problems));
  say(paint("dim", "nothing was started"));
  return undefined;
}

function refuseMongo({ AZORA_DB_URL }: Settings): void {
  if (AZORA_DB_URL) {
    throw new CommandError(
      "AZORA_DB_URL names a MongoDB, which is not part of this release; unset it to keep documents in SQLite files",
    );
  }
}

function refusal(project: ProjectInfo, problems: Problem[]): string {
  const lines = problems.map(
    ({ file, field, problem, remedy }) =>
      `  ${paint("bold", file)}  ${field} ${problem}\n      ${paint("cyan", remedy)}`,
  );
  return `${paint("red", `${project.services} cannot be launched: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`)}\n${lines.join("\n")}`;
}

function projectNotes(project: ProjectInfo): string[] {
  if (!project.foreign) return [];
  const own = "transporter, node id, namespace and logger are Azora's";
  return [project.config ? `${project.config} is used; ${own}` : `the project has no moleculer.config; ${own}`];
}

function prepareFolders(settings: Settings): void {
  for (const [name, folder] of [
    ["AZORA_DATA_DIR", settings.AZORA_DATA_DIR],
    ["AZORA_LOG_DIR", settings.AZORA_LOG_DIR],
  ] as const) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw new CommandError(`${name} is "${folder}", which cannot be made: ${(error as Error).message}`);
    }
  }
}

async function untilAnswers(client: ApiClient, settings: Settings): Promise<void> {
  const end = Date.now() + ANSWER_MS;
  while (!(await client.answers())) {
    if (Date.now() > end)
      throw new CommandError(`the orchestrator does not answer on ${client.url}\n${lastWords(settings)}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Time for which a taken-over organism may be critical before that is what is reported, ms. */
const RECOVERY_MS = 15_000;

/** Shows the launch until it is over; what was taken over wounded is given the time to heal. */
async function untilLaunched(client: ApiClient, settings: Settings, quiet: boolean): Promise<OrganismStatus> {
  const view = new LaunchView(Boolean(process.stdout.isTTY) && !quiet, (text) =>
    quiet ? undefined : process.stdout.write(text),
  );
  let last: LaunchProgress | undefined;
  const end = followStream(client, ({ type, data }) => {
    if (type !== "launch_progress") return;
    last = data as unknown as LaunchProgress;
    view.show(last);
  });
  const redraw = setInterval(() => last && view.show(last), 100);
  const recovered = Date.now() + RECOVERY_MS;
  try {
    for (;;) {
      const status = await client.get<OrganismStatus>("/orchestrator/status").catch(() => undefined);
      const wounded = status?.status === "critical" && Date.now() < recovered;
      if (status?.launch.done && !wounded) return status;
      if (!status && !organismRuns(settings))
        throw new CommandError("the organism was stopped from elsewhere while it was being launched");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    clearInterval(redraw);
    end();
    view.end();
  }
}

function summary(
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

/** In the foreground: tells what happens, and stops everything at Ctrl-C, SIGTERM or when the terminal goes. */
function stayUntilInterrupted(client: ApiClient, settings: Settings, say: (text: string) => void): Promise<number> {
  say(paint("dim", "Ctrl-C stops everything; closing with -d would leave it running"));
  const end = followStream(client, (message) => {
    const line = eventLine(message);
    if (line) say(line);
  });
  return new Promise((resolve) => {
    let leaving = false;
    const leave = async () => {
      if (leaving) return;
      leaving = true;
      end();
      clearInterval(watch);
      say("\nstopping: calls in flight may finish");
      await stopOrganism(settings, say);
      say("everything is stopped");
      resolve(0);
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => void leave());
    // Somebody else may stop it: `azora down` from another terminal.
    const watch = setInterval(() => {
      if (leaving || organismRuns(settings)) return;
      end();
      clearInterval(watch);
      say("the organism was stopped from elsewhere");
      resolve(0);
    }, 1000);
  });
}

/** It is over when its run folder is gone; a spine that died alone leaves the folder and comes back. */
function organismRuns(settings: Settings): boolean {
  return readBus(runFolderOf(settings.AZORA_DATA_DIR)) !== undefined;
}

function eventLine({ type, at, data }: StreamMessage): string | undefined {
  const time = paint("dim", at.slice(11, 19));
  if (type === "healing_event") {
    const { target, failure, action, attempt, success, duration, reason } =
      data as unknown as OrganismStatus["healing"][number];
    const name = target.service ? `${target.service} on ${target.node ?? "its own process"}` : target.node;
    return `${time} ${name} ${failure}: ${action} (attempt ${attempt}) ${success ? paint("green", `healed it in ${duration} ms`) : paint("red", `failed: ${reason}`)}`;
  }
  if (type === "service_event" && ["quarantined", "timeout", "unhealthy"].includes(String(data["event"]))) {
    return `${time} ${data["name"]} on ${data["node"]}: ${paint("yellow", String(data["event"]))}`;
  }
  return undefined;
}
