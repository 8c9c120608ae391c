import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { grouped } from "./sizes.ts";

interface Amount {
  calls: number;
  events: number;
  entries: number;
  reports: number;
}

interface Finding extends Partial<Amount> {
  kind: "missing" | "extra" | "declared";
  from: string;
  to: string;
  epoch: number;
  why: string;
  unanswered?: number;
}

interface Accounted {
  matched: Amount;
  missing: Amount;
  extra: Amount;
  declared: Amount;
  from?: string;
  to?: string;
  gaps: Finding[];
  declarations: Finding[];
  open: { from: string; to: string; epoch: number; waitsFor: string[] }[];
}

const EPOCH_MS = 10_000;
const SHOWN = 50;
const WORDS = { calls: "call", events: "event", entries: "entry", reports: "report" } as const;
const KINDS = ["calls", "events", "entries"] as const;

export const accounted: Command = {
  name: "accounted",
  usage: "[--from <time>] [--to <time>]",
  summary: "shows whether every call, event and entry that was sent is known where it went to",
  options: {
    from: { type: "string", describe: "ISO 8601; from the log's beginning if not given" },
    to: { type: "string", describe: "ISO 8601; until now if not given" },
  },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const range = new URLSearchParams();
    for (const name of ["from", "to"]) {
      const time = options[name];
      if (typeof time !== "string") continue;
      if (Number.isNaN(Date.parse(time)))
        throw new UsageError(`--${name} is "${time}", but must be a time as 2026-11-20T11:40:00Z`);
      range.set(name, new Date(time).toISOString());
    }
    const query = range.size > 0 ? `?${range}` : "";
    const answer = await new ApiClient(settings).get<Accounted>(`/api/chain/accounted${query}`);
    out(options["json"] ? JSON.stringify(answer) : accountedText(answer));
    return [answer.missing, answer.extra].some(
      ({ calls, events, entries, reports }) => calls + events + entries + reports,
    )
      ? 1
      : 0;
  },
};

export function accountedText(answer: Accounted): string {
  const { matched, missing, extra, declared, from, to, gaps, declarations, open } = answer;
  const lines: string[] = [];
  for (const kind of KINDS) {
    const known = matched[kind] + declared[kind];
    const all = known + missing[kind] + extra[kind];
    const note = declared[kind] > 0 ? paint("dim", `, ${grouped(declared[kind])} of them by a declaration`) : "";
    const share = percent(known, all);
    lines.push(`${kind} accounted for: ${paint(known === all ? "green" : "red", share)} of ${grouped(all)}${note}`);
  }
  if (from && to) lines.push(paint("dim", `from ${seconds(from)} to ${seconds(to)}`));
  for (const finding of gaps.slice(0, SHOWN)) lines.push(`${paint("red", "✖")} ${findingText(finding)}`);
  if (gaps.length > SHOWN) lines.push(`  and ${grouped(gaps.length - SHOWN)} more; --json has up to 1,000`);
  for (const finding of declarations.slice(0, SHOWN)) lines.push(`${paint("dim", "·")} ${findingText(finding)}`);
  if (declarations.length > SHOWN) lines.push(`  and ${grouped(declarations.length - SHOWN)} more declarations`);
  for (const text of openTexts(open)) lines.push(paint("yellow", text));
  return lines.join("\n");
}

/** Never 100 % where anything is left. */
function percent(part: number, whole: number): string {
  if (part === whole) return "100 %";
  return `${(Math.floor((part / whole) * 1_000_000) / 10_000).toFixed(4)} %`;
}

function findingText({ kind, from, to, epoch, why, unanswered, ...amounts }: Finding): string {
  const what = (["calls", "events", "entries", "reports"] as const)
    .filter((name) => amounts[name])
    .map((name) => counted(amounts[name]!, name));
  const when = epoch > 0 ? `, epoch ${epoch} (${seconds(new Date(epoch * EPOCH_MS).toISOString())}, 10 s)` : "";
  const lost = unanswered ? `; ${grouped(unanswered)} got no answer` : "";
  return `${kind}: ${what.join(" and ")} from ${from} to ${to}${when}: ${why}${lost}`;
}

function counted(count: number, name: keyof Amount): string {
  const word = WORDS[name];
  return `${grouped(count)} ${count === 1 ? word : name}`;
}

/** What waits for the same nodes is told together. */
function openTexts(open: Accounted["open"]): string[] {
  const byNodes = new Map<string, number>();
  for (const { waitsFor } of open) {
    const nodes = waitsFor.length > 0 ? waitsFor.toSorted().join(" and ") : "the next verdict";
    byNodes.set(nodes, (byNodes.get(nodes) ?? 0) + 1);
  }
  return [...byNodes].map(([nodes, count]) =>
    count === 1
      ? `1 account is open and waits for ${nodes}`
      : `${grouped(count)} accounts are open and wait for ${nodes}`,
  );
}

/** `2026-11-20T11:40:00Z` */
function seconds(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}
