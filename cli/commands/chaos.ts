import { ApiClient } from "../api-client.ts";
import { type ChaosReport, milliseconds, outcome, paintHeld, timelineLine } from "../chaos-report.ts";
import { type Command, type CommandContext, CommandError, UsageError } from "../command.ts";
import { paint } from "../paint.ts";
import { table } from "../table.ts";

interface Listing {
  enabled: boolean;
  enable?: string;
  experiments: { name: string; description: string; fault: { kind: string; target?: unknown }; duration: number }[];
  suites: { name: string; description: string; experiments: string[]; duration?: number }[];
  problems: { file: string; errors: { field: string; value?: unknown; allowed: string }[] }[];
}

interface ReportSummary extends Pick<ChaosReport, "id" | "kind" | "status" | "startedAt" | "hypothesisHeld"> {
  name: string;
  /** Id of the suite's run that it was a part of. */
  suite?: string;
  target?: string;
  detectMs?: number | null;
  recoverMs?: number | null;
  lost?: number;
}

const POLL_MS = 300;
/** An experiment may kill the orchestrator, who answers us: for so long it may be away, ms. */
const AWAY_MS = 60_000;
/** Interrupts within this time are one key press, ms. */
const ONE_KEY_MS = 1000;
const MAX_SEED = 2 ** 32 - 1;

export const chaos: Command = {
  name: "chaos",
  usage: "run <experiment|suite> | list | report [id] | dependencies | stop",
  summary: "breaks things on purpose, and shows how the organism heals",
  options: {
    seed: { type: "string", describe: "chooses the same victims again" },
    limit: { type: "string", describe: "reports shown, 20 if not given" },
    each: { type: "string", describe: "dependencies: ms for which each service fails, 2000 if not given" },
    call: { type: "string", describe: "dependencies: actions to call meanwhile, as door.knock,crane.lift" },
    service: { type: "string", describe: "dependencies: services to test, as ledger,vault; all if not given" },
  },
  arity: [1, 2],
  async run(context) {
    const [what, name] = context.args as [string, string?];
    if (what === "run" && name !== undefined) return run(context, name);
    if (what === "report") return report(context, name);
    if (name === undefined && what === "list") return list(context);
    if (name === undefined && what === "dependencies") return dependencies(context);
    if (name === undefined && what === "stop") return stop(context);
    throw new UsageError(`usage: azora chaos ${chaos.usage}`);
  },
};

async function list({ settings, options, out }: CommandContext): Promise<number> {
  const listing = await new ApiClient(settings).get<Listing>("/orchestrator/chaos/experiments");
  if (options["json"]) {
    out(JSON.stringify(listing));
    return 0;
  }
  const { enabled, enable, experiments, suites, problems } = listing;
  const columns = [{ title: "experiment" }, { title: "fault" }, { title: "at most", align: "right" as const }];
  out(
    table(
      [...columns, { title: "description", flexible: true }],
      experiments.map(({ name, fault, duration, description }) => [
        name,
        fault.kind,
        milliseconds(duration),
        description,
      ]),
    ),
  );
  for (const { name, description, experiments: of, duration } of suites)
    out(
      `suite ${paint("bold", name)}: ${description} ${paint("dim", `${of.length} experiments${duration ? `, ${duration / 60_000} min` : ""}`)}`,
    );
  for (const { file, errors } of problems)
    for (const { field, value, allowed } of errors)
      out(
        `${paint("red", "✖")} ${file}: ${field || "the file"}${value === undefined ? "" : ` is ${JSON.stringify(value)}`}: ${allowed}`,
      );
  if (!enabled) out(paint("yellow", `chaos is off: ${enable}`));
  return 0;
}

async function run(context: CommandContext, name: string): Promise<number> {
  const client = new ApiClient(context.settings);
  const seed = wholeNumber(context, "seed", MAX_SEED);
  const { suites } = await client.get<Listing>("/orchestrator/chaos/experiments");
  const kind = suites.some((suite) => suite.name === name) ? "suite" : "experiment";
  const begun = await client.post<{ id: string; seed: number }>("/orchestrator/chaos/run", {
    [kind]: name,
    ...(seed === undefined ? {} : { seed }),
  });
  if (!context.options["json"]) context.out(`${kind} ${paint("bold", name)}, seed ${begun.seed}`);
  return follow(context, client, begun.id);
}

async function dependencies(context: CommandContext): Promise<number> {
  const client = new ApiClient(context.settings);
  const each = wholeNumber(context, "each", 60_000);
  const services = words(context, "service");
  const { id, called } = await client.post<{ id: string; called: string[] }>("/orchestrator/chaos/dependencies", {
    ...(each === undefined ? {} : { each }),
    actions: words(context, "call"),
    ...(services.length > 0 ? { services } : {}),
  });
  if (!context.options["json"])
    context.out(
      called.length > 0
        ? `calls ${called.join(", ")} meanwhile`
        : "there is no action to call meanwhile, so only illness and calls of others show; name some with --call",
    );
  return follow(context, client, id);
}

/** Prints what happens until the run is over. Ctrl-C ends the run, not only its being shown. */
async function follow({ options, out }: CommandContext, client: ApiClient, id: string): Promise<number> {
  let since = 0;
  const interrupt = () => {
    // One Ctrl-C may come twice: from the terminal, and from the process that has started this one.
    if (since > 0 && Date.now() - since < ONE_KEY_MS) return;
    if (since > 0) process.exit(1);
    since = Date.now();
    console.error("stops the run and undoes its fault …");
    client.post("/orchestrator/chaos/stop").catch(() => {});
  };
  process.on("SIGINT", interrupt);
  let shown = 0;
  let answered = Date.now();
  try {
    for (;;) {
      const found = await client
        .get<ChaosReport>(`/orchestrator/chaos/reports/${encodeURIComponent(id)}`)
        .catch((error: Error) => {
          if (Date.now() - answered > AWAY_MS) throw error;
        });
      if (found) {
        answered = Date.now();
        if (!options["json"]) for (const entry of found.timeline.slice(shown)) out(timelineLine(entry));
        shown = found.timeline.length;
        if (found.status !== "running") {
          out(options["json"] ? JSON.stringify(found) : outcome(found));
          return found.hypothesisHeld === true ? 0 : 1;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    process.off("SIGINT", interrupt);
  }
}

async function report(context: CommandContext, id: string | undefined): Promise<number> {
  const { settings, options, out } = context;
  const client = new ApiClient(settings);
  const limit = wholeNumber(context, "limit", 500) ?? 20;
  const summaries = await client.get<ReportSummary[]>(`/orchestrator/chaos/reports?limit=${id ? 500 : limit}`);
  if (id === undefined) {
    if (options["json"]) out(JSON.stringify(summaries));
    else out(summaries.length === 0 ? "nothing was run yet" : summaryTable(summaries));
    return 0;
  }
  const fitting = summaries.filter((one) => one.id.startsWith(id));
  // Of a suite the whole is meant, not its last experiment.
  const whole =
    id === "last" ? summaries.find(({ suite }) => !suite)?.id : fitting.length === 1 ? fitting[0]!.id : undefined;
  if (fitting.length > 1) throw new CommandError(`${fitting.length} reports begin with ${id}; give more of its id`);
  const found = await client.get<ChaosReport>(`/orchestrator/chaos/reports/${encodeURIComponent(whole ?? id)}`);
  if (options["json"]) out(JSON.stringify(found));
  else {
    for (const entry of found.timeline) out(timelineLine(entry));
    out(outcome(found));
  }
  return 0;
}

function summaryTable(summaries: ReportSummary[]): string {
  return table(
    [
      { title: "report" },
      { title: "started" },
      { title: "what" },
      { title: "hypothesis" },
      { title: "seen", align: "right" },
      { title: "healthy", align: "right" },
      { title: "lost", align: "right" },
      { title: "target", flexible: true },
    ],
    summaries.map((one) => [
      one.id.slice(0, 8),
      one.startedAt.slice(0, 19).replace("T", " "),
      one.name,
      paintHeld(one.hypothesisHeld, one.status),
      milliseconds(one.detectMs),
      milliseconds(one.recoverMs),
      one.lost === undefined ? "-" : String(one.lost),
      one.target ?? "",
    ]),
  );
}

async function stop({ settings, options, out }: CommandContext): Promise<number> {
  const outcome = await new ApiClient(settings).post<{ stopped: string | null }>("/orchestrator/chaos/stop");
  if (options["json"]) out(JSON.stringify(outcome));
  else out(outcome.stopped ? `stops ${outcome.stopped}; its fault is undone at once` : "nothing is running");
  return 0;
}

function wholeNumber({ options }: CommandContext, name: string, most: number): number | undefined {
  const text = options[name] as string | undefined;
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || Number(text) > most)
    throw new UsageError(`--${name} is "${text}", but must be a whole number up to ${most}`);
  return Number(text);
}

function words({ options }: CommandContext, name: string): string[] {
  return ((options[name] as string | undefined) ?? "").split(",").filter(Boolean);
}
