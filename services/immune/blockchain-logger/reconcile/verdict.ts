import { EPOCH_MS } from "../../../../runtime/record/epoch.ts";

/** How many of what. */
export interface Amount {
  calls: number;
  events: number;
  entries: number;
  /** Reports of nodes, known by their numbers. */
  reports: number;
}

/**
 * missing: sent, recorded or reported, and not received. extra: received, and not sent. declared: missing or extra, and
 * somebody has said why: a node that was killed or left, a bus that was interrupted.
 */
export const FINDINGS = ["missing", "extra", "declared"] as const;
export type FindingKind = (typeof FINDINGS)[number];

/** What two nodes, or a node and the log, do not agree on. */
export interface Finding extends Partial<Amount> {
  kind: FindingKind;
  from: string;
  /** Mark of the incarnation of `from`. */
  mark: string;
  to: string;
  epoch: number;
  why: string;
  /** Of the missing calls: so many callers have waited for an answer in vain. */
  unanswered?: number;
}

export type Totals = Record<"matched" | FindingKind, Amount>;

/** Data of an entry `accounting.verdict`. What is late changes an earlier verdict: it withdraws its findings, and adds others. */
export interface Verdict {
  /** 1 for a log's first verdict. */
  number: number;
  epoch: number;
  /** The epoch's begin by the clock of the sender, ISO 8601. */
  since: string;
  /** What both sides agree on; negative where late counts have changed that. */
  matched: Amount;
  findings: Finding[];
  withdrawn?: Finding[];
  /** Settled: `[from, mark, to, calls, events, index]`: what both sides agree on, and the first entry that tells of it. */
  pairs: [string, string, string, number, number, number][];
  /** Settled: `[node, mark, entries, index]`, in the same way. */
  books: [string, string, number, number][];
  /** What is settled has been told in entries up to this index. */
  through: number;
  /** Whoever begins anew reads the log from here. */
  resume: number;
  /** Of the log, with this verdict, and `since` of its first one. */
  totals: Totals;
  first: string;
  /**
   * Incarnations that have not ended, those that reported last: `[node, mark, number of the next report, public key, missing]`, and
   * of reports that are missing `[number, epoch in which that was found]`.
   */
  nodes: [string, string, number, string, [number, number][]][];
}

const AMOUNTS = ["calls", "events", "entries", "reports"] as const satisfies (keyof Amount)[];

export function noAmount(): Amount {
  return { calls: 0, events: 0, entries: 0, reports: 0 };
}

export function noTotals(): Totals {
  return { matched: noAmount(), missing: noAmount(), extra: noAmount(), declared: noAmount() };
}

/** Adds in place. */
export function addAmount(sum: Amount, { calls, events, entries, reports }: Partial<Amount>, sign: 1 | -1 = 1): void {
  sum.calls += sign * (calls ?? 0);
  sum.events += sign * (events ?? 0);
  sum.entries += sign * (entries ?? 0);
  sum.reports += sign * (reports ?? 0);
}

/** Adds a verdict in place. */
export function addVerdict(
  totals: Totals,
  { matched, findings, withdrawn = [] }: Pick<Verdict, "matched" | "findings" | "withdrawn">,
): void {
  addAmount(totals.matched, matched);
  for (const finding of findings) addAmount(totals[finding.kind], finding);
  for (const finding of withdrawn) addAmount(totals[finding.kind], finding, -1);
}

/** What is known of a time, or of the whole log. */
export interface Accounted extends Totals {
  /** Begin of the first and end of the last epoch that is in it, ISO 8601. Absent where there is none. */
  from?: string;
  to?: string;
  /** Missing and extra, the newest first; at most 1000. */
  gaps: Finding[];
  /** Declared, the newest first; at most 1000. */
  declarations: Finding[];
}

const MOST_FINDINGS = 1000;

/** Sums up verdicts, oldest first. */
export function summarize(
  verdicts: Iterable<Pick<Verdict, "epoch" | "matched" | "findings" | "withdrawn">>,
): Accounted {
  const totals = noTotals();
  const findings = new Map<string, Finding>();
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const verdict of verdicts) {
    addVerdict(totals, verdict);
    first = Math.min(first, verdict.epoch);
    last = Math.max(last, verdict.epoch);
    for (const finding of verdict.withdrawn ?? []) findings.delete(keyOf(finding));
    for (const finding of verdict.findings) findings.set(keyOf(finding), finding);
  }
  const newest = [...findings.values()].reverse();
  return {
    ...totals,
    ...(first <= last ? { from: isoOf(first), to: isoOf(last + 1) } : {}),
    gaps: newest.filter(({ kind }) => kind !== "declared").slice(0, MOST_FINDINGS),
    declarations: newest.filter(({ kind }) => kind === "declared").slice(0, MOST_FINDINGS),
  };
}

/** What a verdict has found and nobody has declared, in words; undefined where there is nothing. */
export function gapsIn({ findings, since }: Pick<Verdict, "findings" | "since">): string | undefined {
  const gaps = findings
    .filter(({ kind }) => kind !== "declared")
    .map((finding) => {
      const amount = AMOUNTS.filter((name) => finding[name])
        .map((name) => `${finding[name]} ${name}`)
        .join(" and ");
      return `${amount} ${finding.kind} from ${finding.from} to ${finding.to} (${finding.why})`;
    });
  return gaps.length === 0 ? undefined : `in the 10 s from ${since}: ${gaps.join("; ")}`;
}

/** Begin of an epoch. */
export function isoOf(epoch: number): string {
  return new Date(epoch * EPOCH_MS).toISOString();
}

/** Two findings of one key are about the same. */
export function keyOf({ kind, from, mark, to, epoch, why }: Finding): string {
  return JSON.stringify([kind, from, mark, to, epoch, why]);
}
