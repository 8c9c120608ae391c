import { existsSync } from "node:fs";
import type { ExecutionResult } from "../../../models/rule-results.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint, type Style } from "../../paint.ts";
import { plain } from "../../plain.ts";
import { table } from "../../table.ts";
import { moment } from "../optimizer/figures.ts";
import { readRules } from "./rule-files.ts";
import { MOUNT } from "./rule-words.ts";

/** Effects are watched for a while before they are judged. */
const EXECUTE_MS = 3 * 60_000;
const MOST = 1000;

export const run: Command = {
  name: "run",
  usage: "<rule|file>",
  summary: "looks at a rule's conditions now, and carries its actions out where they hold",
  options: { wait: { type: "boolean", describe: "until it is known what came of it" } },
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const rules = existsSync(args[0]!) ? readRules(args) : args;
    if (rules.length !== 1)
      throw new UsageError(`${args[0]} holds ${rules.length} rules, but one is carried out at a time`);
    const body = { rule: rules[0], wait: options["wait"] === true };
    const result = await new ApiClient(settings).post<ExecutionResult>(`${MOUNT}/rules/execute`, body, EXECUTE_MS);
    out(options["json"] ? JSON.stringify(result) : executionText(result));
    return result.actions.some(({ status }) => status === "failed" || status === "refused") ? 1 : 0;
  },
};

export const executions: Command = {
  name: "executions",
  usage: "[rule]",
  summary: "shows what rules did, and what came of it, newest first",
  options: { limit: { type: "string", describe: `the newest so many, 1 to ${MOST}; 20 if not given` } },
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const text = options["limit"] === undefined ? "20" : String(options["limit"]);
    const limit = Number(text);
    if (!/^\d+$/.test(text) || limit < 1 || limit > MOST)
      throw new UsageError(`--limit is "${text}", but must be a whole number from 1 to ${MOST}`);
    const of = args[0] === undefined ? "" : `&rule=${encodeURIComponent(args[0])}`;
    const all = await new ApiClient(settings).get<ExecutionResult[]>(`${MOUNT}/executions?limit=${limit}${of}`);
    if (options["json"]) out(JSON.stringify(all));
    else out(all.length === 0 ? "no rule has done anything yet" : all.map(executionText).join("\n"));
    return 0;
  },
};

interface Held {
  target: string;
  lever: string;
  value: unknown;
  since: number | string;
  rule: string;
}

export const held: Command = {
  name: "held",
  usage: "",
  summary: "shows what rules hold now: what is lent, shed, throttled or set, by which rule, since when",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const all = await new ApiClient(settings).get<Held[]>(`${MOUNT}/held`);
    if (options["json"]) out(JSON.stringify(all));
    else out(all.length === 0 ? "no rule holds anything" : table(COLUMNS, all.map(heldRow)));
    return 0;
  },
};

const COLUMNS = [
  { title: "TARGET" },
  { title: "LEVER" },
  { title: "VALUE", flexible: true },
  { title: "SINCE (UTC)" },
  { title: "RULE" },
];

function heldRow({ target, lever, value, since, rule }: Held): string[] {
  const at = typeof since === "number" ? new Date(since).toISOString() : since;
  return [target, lever, typeof value === "object" ? JSON.stringify(value) : String(value), moment(at), rule];
}

const STATUS: Record<string, Style> = { done: "green", refused: "yellow", failed: "red" };

export function executionText({ at, rule, why, actions }: ExecutionResult): string {
  return [
    `${moment(at)}  ${paint("bold", rule)}  ${why.result}: ${plain(why.why)}`,
    ...actions.flatMap(({ type, target, status, what, effect }) => [
      `  ${paint(STATUS[status] ?? "dim", status)}  ${type} ${target}: ${plain(what)}`,
      ...(effect ? [paint("dim", `    ${effectText(effect)}`)] : []),
    ]),
  ].join("\n");
}

function effectText(effect: NonNullable<ExecutionResult["actions"][number]["effect"]>): string {
  const { metric, before, after, verdict, rolledBack } = effect;
  const value = (one: number | null) => (one === null ? "unknown" : String(Math.round(one * 100) / 100));
  const now = verdict === "watching" ? "being watched" : `${value(before)} → ${value(after)}, ${verdict}`;
  return `${metric}: ${now}${rolledBack ? ", rolled back" : ""}`;
}
