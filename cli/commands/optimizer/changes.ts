import type { OptimizationRecord } from "../../../models/performance.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint, type Style } from "../../paint.ts";
import { table } from "../../table.ts";
import { moment, percent, time } from "./figures.ts";

const STYLES: Record<OptimizationRecord["status"], Style> = {
  measuring: "cyan",
  kept: "green",
  "taken-back": "yellow",
  failed: "red",
  inconclusive: "dim",
};
const MOST = 1000;

export const history: Command = {
  name: "history",
  usage: "",
  summary: "shows what was changed, and what each change was worth",
  options: { limit: { type: "string", describe: `the newest so many, 1 to ${MOST}; 50 if not given` } },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const text = options["limit"] === undefined ? "50" : String(options["limit"]);
    const limit = Number(text);
    if (!/^\d+$/.test(text) || limit < 1 || limit > MOST)
      throw new UsageError(`--limit is "${text}", but must be a whole number from 1 to ${MOST}`);
    const path = `/api/performance/history?limit=${limit}`;
    const records = await new ApiClient(settings).get<OptimizationRecord[]>(path);
    if (options["json"]) out(JSON.stringify(records));
    else out(records.length === 0 ? "nothing was changed yet" : historyTable(records));
    return 0;
  },
};

export const optimize: Command = {
  name: "optimize",
  usage: "<service>",
  summary: "changes what is safe and promises most, compares before and after, takes back what does not help",
  options: { wait: { type: "boolean", describe: "until each change has its verdict" } },
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const path = `/api/performance/optimize/${encodeURIComponent(args[0]!)}`;
    const client = new ApiClient(settings);
    const begun = await client.post<OptimizationRecord[]>(path, {}, APPLY_MS);
    const records = options["wait"] ? await judged(client, begun) : begun;
    if (options["json"]) out(JSON.stringify(records));
    else if (records.length === 0) out(`${args[0]}: nothing is known that is safe and would help`);
    else out(records.map(told).join("\n"));
    return records.some(({ status }) => status === "failed") ? 1 : 0;
  },
};

export const apply: Command = {
  name: "apply",
  usage: "<advice id>",
  summary: "carries out an advice; what does not help on live traffic is taken back",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const path = `/api/performance/advice/${encodeURIComponent(args[0]!)}/apply`;
    const record = await new ApiClient(settings).post<OptimizationRecord>(path, {}, APPLY_MS);
    out(options["json"] ? JSON.stringify(record) : told(record));
    return record.status === "failed" ? 1 : 0;
  },
};

export const takeBack: Command = {
  name: "take-back",
  usage: "<change id>",
  summary: "undoes a change that was made",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const path = `/api/performance/history/${encodeURIComponent(args[0]!)}/take-back`;
    const record = await new ApiClient(settings).post<OptimizationRecord>(path, {}, APPLY_MS);
    out(options["json"] ? JSON.stringify(record) : told(record));
    return record.status === "failed" ? 1 : 0;
  },
};

/** An index on a large collection takes its time. */
const APPLY_MS = 2 * 60_000;
/** A verdict needs calls to look at; no connection stays open for so long. */
const VERDICT_MS = 26 * 60_000;
const ASK_EVERY_MS = 1000;

async function judged(client: ApiClient, begun: OptimizationRecord[]): Promise<OptimizationRecord[]> {
  const end = Date.now() + VERDICT_MS;
  let known = begun;
  while (known.some(({ status }) => status === "measuring") && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    const newest = await client.get<OptimizationRecord[]>(`/api/performance/history?limit=${MOST}`);
    known = known.map((record) => newest.find(({ id }) => id === record.id) ?? record);
  }
  return known;
}

export function historyTable(records: readonly OptimizationRecord[]): string {
  const columns = [
    { title: "TIME (UTC)" },
    { title: "SERVICE" },
    { title: "KIND" },
    { title: "STATUS" },
    { title: "EFFECT" },
    { title: "SURE", align: "right" as const },
    { title: "CHANGE", flexible: true },
    { title: "ID" },
  ];
  const rows = records.map(({ id, at, service, kind, status, effect, change }) => [
    moment(at),
    service,
    kind,
    paint(STYLES[status] ?? "dim", status),
    effect ? effectText(effect) : "-",
    effect ? percent(effect.confidence) : "-",
    change,
    id,
  ]);
  return table(columns, rows);
}

export function told({ id, service, kind, change, reason, status, effect, cost, outcome }: OptimizationRecord): string {
  return [
    `${paint("bold", service)}  ${kind}  ${paint(STYLES[status] ?? "dim", status)}`,
    `  ${change}`,
    `  ${paint("dim", reason)}`,
    ...(effect ? [`  effect  ${effectText(effect)}, sure ${percent(effect.confidence)}`] : []),
    ...(cost ? [`  cost    ${effectText(cost)}, sure ${percent(cost.confidence)}`] : []),
    ...(outcome ? [`  ${outcome}`] : []),
    ...(status === "measuring" ? [`  ${paint("cyan", "azora optimizer history")}`] : []),
    ...(status === "kept" ? [`  ${paint("cyan", `azora optimizer take-back ${id}`)}`] : []),
  ].join("\n");
}

/** `12.3 ms → 6.1 ms (-50 %)` */
function effectText({ before, after, ratio, unit }: NonNullable<OptimizationRecord["effect"]>): string {
  const shown = (value: number) =>
    unit === "ms" ? time(value) : unit === "µs" ? time(value / 1000) : `${Math.round(value * 100) / 100} ${unit}`;
  if (before.count === 0 || after.count === 0) return "not enough calls yet";
  const change = Math.round((ratio - 1) * 100);
  const sign = change > 0 ? "+" : "";
  return `${shown(before.mean)} → ${shown(after.mean)} (${paint(change <= 0 ? "green" : "red", `${sign}${change} %`)})`;
}
