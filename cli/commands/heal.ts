import { randomUUID } from "node:crypto";
import { HEALING_PRIORITIES, type HealingRecord, type HealingResult } from "../../models/healing.ts";
import { ApiClient } from "../api-client.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { paint } from "../paint.ts";
import { duration, table } from "../table.ts";

interface KnownAction {
  type: string;
  origin: string;
  service?: string;
  description: string;
  timeout: number;
  cooldown: number;
  failures: string[];
}

interface Learning {
  mode: string;
  signatures: {
    signature: string;
    outcomes: number;
    medianBefore: number | null;
    medianAfter: number | null;
    chosen: string | null;
  }[];
}

interface HealingCase {
  id: string;
  opened: string;
  closed?: string;
  failure: string;
  service?: string;
  node?: string;
  outcome: string;
  acts: HealingRecord[];
}

export const heal: Command = {
  name: "heal",
  usage: "<service|node> <action>",
  summary: "carries out a healing action, or says what was healed, how and why",
  options: {
    force: { type: "boolean", describe: "without draining and without waiting for the cooldown" },
    timeout: { type: "string", describe: "ms, 1 to 600000 (that of the action)" },
    priority: { type: "string", describe: `${HEALING_PRIORITIES.join(", ")} (medium)` },
    set: { type: "string", describe: "parameters: by=2, or several with commas between: concurrency=8,niceness=5" },
    on: { type: "string", describe: "only the instance on this node" },
    list: { type: "boolean", describe: "what can be done" },
    explain: { type: "string", describe: "the story of a case or an action, by its id" },
    history: { type: "boolean", describe: "the newest failures and what was done about them" },
    service: { type: "string", describe: "with --history: only of this service" },
    learning: { type: "boolean", describe: "which step helps against which failure" },
  },
  arity: [0, 2],
  async run(context) {
    const { args, options } = context;
    const asked = (["list", "explain", "history", "learning"] as const).filter((name) => options[name] !== undefined);
    if (asked.length > 1) throw new UsageError(`--${asked[0]} and --${asked[1]} do not go together`);
    if (asked.length === 1 && args.length > 0) throw new UsageError(`--${asked[0]} takes no ${args[0]} beside it`);
    if (asked[0] === "list") return list(context);
    if (asked[0] === "explain") return explain(context);
    if (asked[0] === "history") return history(context);
    if (asked[0] === "learning") return learning(context);
    return act(context);
  },
};

async function act({ settings, args, options, out }: CommandContext): Promise<number> {
  const [target, actionType] = args;
  if (target === undefined || actionType === undefined)
    throw new UsageError("usage: azora heal <service|node> <action>, or azora heal --list");
  const result = await new ApiClient(settings).post<HealingResult>("/orchestrator/heal", {
    id: `cli-${randomUUID()}`,
    service: target,
    actionType,
    parameters: { ...parametersOf(options["set"]), ...(options["force"] ? { force: true } : {}) },
    ...(options["on"] ? { node: options["on"] } : {}),
    ...(options["priority"] ? { priority: priorityOf(options["priority"]) } : {}),
    ...(options["timeout"] ? { timeout: timeoutOf(options["timeout"]) } : {}),
  });
  if (options["json"]) out(JSON.stringify(result));
  else {
    const { success, duration, reason, observed, id } = result;
    const helped = success ? paint("green", "helped") : paint("red", "did not help");
    out(`${actionType} of ${target} ${helped} after ${duration} ms: ${reason}`);
    out(`  before  ${observed.before}\n  after   ${observed.after}\n  ${paint("dim", `azora heal --explain ${id}`)}`);
  }
  return result.success ? 0 : 1;
}

async function list({ settings, options, out }: CommandContext): Promise<number> {
  const actions = await new ApiClient(settings).get<KnownAction[]>("/orchestrator/heal/actions");
  if (options["json"]) {
    out(JSON.stringify(actions));
    return 0;
  }
  const rows = actions.map(({ type, origin, service, description, timeout, cooldown }) => [
    type,
    service ?? origin,
    duration(timeout / 1000),
    duration(cooldown / 1000),
    description,
  ]);
  out(
    table(
      [
        { title: "action" },
        { title: "from" },
        { title: "time-out", align: "right" },
        { title: "cooldown", align: "right" },
        { title: "does", flexible: true },
      ],
      rows,
    ),
  );
  return 0;
}

async function explain({ settings, options, out }: CommandContext): Promise<number> {
  const id = encodeURIComponent(String(options["explain"]));
  const told = await new ApiClient(settings).get<{ text: string }>(`/orchestrator/heal/explain/${id}`);
  out(options["json"] ? JSON.stringify(told) : told.text);
  return 0;
}

async function history({ settings, options, out }: CommandContext): Promise<number> {
  const query = new URLSearchParams({
    limit: "50",
    ...(options["service"] ? { service: String(options["service"]) } : {}),
  });
  const cases = await new ApiClient(settings).get<HealingCase[]>(`/orchestrator/heal/cases?${query}`);
  if (options["json"]) {
    out(JSON.stringify(cases));
    return 0;
  }
  const rows = cases.map(({ id, opened, closed, failure, service, node, outcome, acts }) => [
    opened.slice(0, 19).replace("T", " "),
    service && node ? `${service} on ${node}` : (service ?? node ?? ""),
    failure === "none" ? "asked for" : failure,
    acts.map(({ action }) => action).join(", ") || "-",
    outcome,
    closed ? `${Date.parse(closed) - Date.parse(opened)} ms` : "-",
    id,
  ]);
  out(
    table(
      [
        { title: "time (UTC)" },
        { title: "who" },
        { title: "failure" },
        { title: "acts", flexible: true },
        { title: "outcome" },
        { title: "after", align: "right" },
        { title: "id" },
      ],
      rows,
    ),
  );
  return 0;
}

async function learning({ settings, options, out }: CommandContext): Promise<number> {
  const { mode, signatures } = await new ApiClient(settings).get<Learning>("/orchestrator/heal/learning");
  if (options["json"]) {
    out(JSON.stringify({ mode, signatures }));
    return 0;
  }
  out(`learning is ${mode}${signatures.length === 0 ? "; nothing was learnt yet" : ""}`);
  if (signatures.length === 0) return 0;
  const ms = (value: number | null) => (value === null ? "-" : `${Math.round(value)} ms`);
  const rows = signatures.map(({ signature, outcomes, medianBefore, medianAfter, chosen }) => [
    signature,
    String(outcomes),
    ms(medianBefore),
    ms(medianAfter),
    chosen ?? "the ladder as it is",
  ]);
  out(
    table(
      [
        { title: "failure|service|error", flexible: true },
        { title: "outcomes", align: "right" },
        { title: "before", align: "right" },
        { title: "after", align: "right" },
        { title: "begins with" },
      ],
      rows,
    ),
  );
  return 0;
}

function priorityOf(given: string | boolean): string {
  const known = HEALING_PRIORITIES.find((one) => one === given);
  if (known) return known;
  throw new UsageError(`priority is "${given}", but must be one of ${HEALING_PRIORITIES.join(", ")}`);
}

function timeoutOf(given: string | boolean): number {
  const value = Number(given);
  if (/^\d+$/.test(String(given)) && value >= 1 && value <= 600_000) return value;
  throw new UsageError(`timeout is "${given}", but must be a whole number of ms from 1 to 600000`);
}

/** `concurrency=8,what=["bus"]` → `{concurrency: 8, what: ["bus"]}`; what is no JSON is a text. */
export function parametersOf(given: string | boolean | undefined): Record<string, unknown> {
  if (given === undefined) return {};
  // A comma parts parameters only where a name and = follow.
  const pairs = String(given).split(/,(?=[A-Za-z][\w-]*=)/);
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`set is "${pair}", but must be name=value`);
      return [pair.slice(0, at), readValue(pair.slice(at + 1))];
    }),
  );
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
