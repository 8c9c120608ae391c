import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { readBus } from "../../runtime/bus.ts";
import { warmCompileCache } from "../../runtime/compile-cache.ts";
import { discover } from "../../runtime/discovery/discover.ts";
import type { Plan } from "../../runtime/discovery/plan.ts";
import { locateProject } from "../../runtime/discovery/scan.ts";
import { readOrganism, readPlan, runFolderOf } from "../../runtime/organism.ts";
import { projectEnvironment } from "../../runtime/project.ts";
import type { Settings } from "../../runtime/settings.ts";
import { ApiClient, type OrganismStatus } from "../api-client.ts";
import { type Command, CommandError } from "../command.ts";
import { type LaunchProgress, LaunchView } from "../launch-view.ts";
import { eventLine, projectNotes, refusal, summary } from "../launch-words.ts";
import { followStream } from "../organism-stream.ts";
import { paint } from "../paint.ts";
import { spineProcess } from "../running.ts";
import { lastWords, startOrganism } from "../start-organism.ts";
import { stopOrganism } from "./down.ts";

/** Time in which the orchestrator must answer, ms. */
const ANSWER_MS = 30_000;
/** Time after which the spine must be there, ms. */
const SPINE_MS = 3000;

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
    const interrupted = untilInterrupted();
    if (!adopted) for (const note of [...projectNotes(plan.project), ...plan.notes]) say(paint("dim", `note: ${note}`));
    const client = new ApiClient(settings);
    const launched = launch(client, settings, adopted ? undefined : plan, Boolean(options["dev"]), json);
    launched.catch(() => {});
    const status = await Promise.race([launched, interrupted]);
    if (status === undefined) return leave(settings, say, INTERRUPTED);
    if (json) out(JSON.stringify(status));
    else summary(client, settings, status, Date.now() - since, adopted, out);
    if (options["detach"]) return status.status === "critical" ? 1 : 0;
    return stay(client, settings, say, interrupted);
  },
};

/** What a shell calls the end by Ctrl-C. */
const INTERRUPTED = 130;

/** Resolves at Ctrl-C, SIGTERM, or when the terminal goes. */
function untilInterrupted(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => resolve(undefined));
  });
}

/** Starts the organism of a plan, where one is given, and shows its launch to the end. */
async function launch(
  client: ApiClient,
  settings: Settings,
  plan: Plan | undefined,
  dev: boolean,
  quiet: boolean,
): Promise<OrganismStatus> {
  if (plan) {
    prepareFolders(settings);
    try {
      await startOrganism(settings, plan, dev);
    } catch (error) {
      throw unwritable(error as NodeJS.ErrnoException, settings) ?? error;
    }
  }
  await untilAnswers(client, settings);
  return untilLaunched(client, settings, quiet);
}

async function leave(settings: Settings, say: (text: string) => void, code: number): Promise<number> {
  say("\nstopping: calls in flight may finish");
  await stopOrganism(settings, say);
  say("everything is stopped");
  return code;
}

const UNWRITABLE: Record<string, string> = {
  ENOSPC: "its disk is full",
  EACCES: "it may not be written",
  EROFS: "it is read-only",
  EPERM: "it may not be written",
};

function unwritable({ code, path }: NodeJS.ErrnoException, settings: Settings): CommandError | undefined {
  const why = UNWRITABLE[code ?? ""];
  if (!why) return undefined;
  const name = path?.startsWith(settings.AZORA_LOG_DIR) ? "AZORA_LOG_DIR" : "AZORA_DATA_DIR";
  return new CommandError(
    `nothing can be kept in ${settings[name]}: ${why}; mend that, or set ${name} to another folder`,
  );
}

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
  const [{ plan, problems }] = await Promise.all([discovery, warmCompileCache()]);
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
    if (Date.now() > end - ANSWER_MS + SPINE_MS && !spineProcess(settings)) {
      throw new CommandError(`the organism was stopped from elsewhere, or its spine has ended\n${lastWords(settings)}`);
    }
    if (Date.now() > end)
      throw new CommandError(`the orchestrator does not answer on ${client.url}\n${lastWords(settings)}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The stream tells when the launch is over; who cannot hear it asks, ms. Each answer costs the orchestrator time. */
const ASK_EVERY_MS = 300;
/** Time for which a taken-over organism may be critical before that is what is reported, ms. */
const RECOVERY_MS = 15_000;

/** Shows the launch until it is over; what was taken over wounded is given the time to heal. */
async function untilLaunched(client: ApiClient, settings: Settings, quiet: boolean): Promise<OrganismStatus> {
  const view = new LaunchView(Boolean(process.stdout.isTTY) && !quiet, (text) =>
    quiet ? undefined : process.stdout.write(text),
  );
  let last: LaunchProgress | undefined;
  let over = () => {};
  const end = followStream(client, ({ type, data }) => {
    if (type === "status_update" && (data as unknown as OrganismStatus).launch.done) over();
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
      await new Promise<void>((resolve) => {
        over = resolve;
        setTimeout(resolve, ASK_EVERY_MS);
      });
    }
  } finally {
    clearInterval(redraw);
    end();
    view.end();
  }
}

/** In the foreground: tells what happens until it is interrupted, and then stops everything. */
async function stay(
  client: ApiClient,
  settings: Settings,
  say: (text: string) => void,
  interrupted: Promise<undefined>,
): Promise<number> {
  say(paint("dim", "Ctrl-C stops everything; closing with -d would leave it running"));
  const end = followStream(client, (message) => {
    const line = eventLine(message);
    if (line) say(line);
  });
  let watch: NodeJS.Timeout | undefined;
  // Somebody else may stop it: `azora down` from another terminal.
  const stopped = new Promise<"stopped">((resolve) => {
    watch = setInterval(() => {
      if (!organismRuns(settings)) resolve("stopped");
    }, 1000);
  });
  const outcome = await Promise.race([interrupted, stopped]);
  end();
  clearInterval(watch);
  if (outcome === undefined) return leave(settings, say, 0);
  say("the organism was stopped from elsewhere");
  return 0;
}

/** It is over when its run folder is gone; a spine that died alone leaves the folder and comes back. */
function organismRuns(settings: Settings): boolean {
  return readBus(runFolderOf(settings.AZORA_DATA_DIR)) !== undefined;
}
