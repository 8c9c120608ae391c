import type { Alert, Silence } from "../../../models/alerts.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { plain } from "../../plain.ts";
import { table } from "../../table.ts";

const COMMENT = { comment: { type: "string", short: "c", describe: "why" } } as const;

export const ack: Command = {
  name: "ack",
  usage: "<alert id>",
  summary: "says that somebody sees to it: it is not told again unless it becomes worse",
  options: COMMENT,
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const path = `/api/organism/alerts/${encodeURIComponent(args[0]!)}/acknowledge`;
    const alert = await new ApiClient(settings).post<Alert>(path, commentOf(options));
    out(options["json"] ? JSON.stringify(alert) : `${alert.alert} of ${plain(alert.subject)} is acknowledged`);
    return 0;
  },
};

export const silence: Command = {
  name: "silence",
  usage: "<name=value>…",
  summary:
    "keeps alerts from being told for a while: alert=, subject=, group=, severity=, rule=; * stands for anything",
  options: { ...COMMENT, for: { type: "string", short: "f", describe: "how long, as 30m, 2h or 7d; 1h if not given" } },
  arity: [1, 5],
  async run({ settings, args, options, out }) {
    const body = { matchers: matchersOf(args), duration: msOf(String(options["for"] ?? "1h")), ...commentOf(options) };
    const made = await new ApiClient(settings).post<Silence>("/api/organism/silences", body);
    out(options["json"] ? JSON.stringify(made) : `${made.id}: ${textOf(made)} is silent until ${made.until}`);
    return 0;
  },
};

export const silences: Command = {
  name: "silences",
  usage: "",
  summary: "shows what is not told for a while",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const known = await new ApiClient(settings).get<Silence[]>("/api/organism/silences");
    const columns = [
      { title: "ID" },
      { title: "UNTIL (UTC)" },
      { title: "BY" },
      { title: "SILENT" },
      { title: "WHY", flexible: true },
    ];
    const rows = known.map((one) => [one.id, moment(one.until), plain(one.by), textOf(one), plain(one.comment)]);
    if (options["json"]) out(JSON.stringify(known));
    else out(known.length === 0 ? "nothing is silenced" : table(columns, rows));
    return 0;
  },
};

export const unsilence: Command = {
  name: "unsilence",
  usage: "<silence id>",
  summary: "ends a silence: what fires under it is told",
  arity: [1, 1],
  async run({ settings, args, options, out }) {
    const path = `/api/organism/silences/${encodeURIComponent(args[0]!)}/remove`;
    const removed = await new ApiClient(settings).post<Silence>(path);
    out(options["json"] ? JSON.stringify(removed) : `${textOf(removed)} is not silent any more`);
    return 0;
  },
};

function commentOf(options: Record<string, string | boolean | undefined>): { comment?: string } {
  return typeof options["comment"] === "string" ? { comment: options["comment"] } : {};
}

function textOf({ matchers }: Silence): string {
  return plain(
    Object.entries(matchers)
      .map(([name, value]) => `${name}=${value}`)
      .join(" "),
  );
}

/** `["alert=service-*", "subject=shop"]` → `{ alert: "service-*", subject: "shop" }` */
export function matchersOf(args: readonly string[]): Record<string, string> {
  const pairs = args.map((arg) => {
    const [, name, value] = /^([a-z]+)=(.+)$/s.exec(arg) ?? [];
    if (!name || !value) throw new UsageError(`"${arg}" must be name=value, as subject=shop`);
    return [name, value] as const;
  });
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new UsageError(`${twice} is given twice`);
  return Object.fromEntries(pairs);
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h` → 7200000 */
export function msOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ""] ?? 0);
  if (!(ms > 0 && ms <= 30 * UNITS["d"]!))
    throw new UsageError(`--for is "${text}", but must be as 30m, 2h or 7d, up to 30d`);
  return ms;
}

function moment(iso: string): string {
  return iso.slice(0, 19).replace("T", " ");
}
