import { paint } from "./paint.ts";
import { type Column, table } from "./table.ts";

/** The parts of a chaos report that the command line shows. */
export interface ChaosReport {
  id: string;
  kind: "experiment" | "suite" | "dependencies";
  status: "running" | "done" | "stopped" | "refused" | "interrupted";
  startedAt: string;
  endedAt?: string;
  hypothesisHeld: boolean | null;
  stopped?: string;
  seed?: number;
  timeline: { at: number; what: string }[];
  experiment?: string;
  suite?: string;
  hypothesis?: string;
  target?: string;
  against?: string[];
  detectMs?: number | null;
  recoverMs?: number | null;
  lost?: number;
  calls?: { done: number; failed: number; byError: Record<string, number>; actions: string[] };
  quarantined?: { service: string; why: string; rightReason: boolean }[];
  restartedBeyond?: { service: string; node: string; why: string }[];
  rows?: ChaosRow[];
  tested?: string[];
  findings?: { from: string; to: string; declared: string; observed: string; calls: number; verdict: string }[];
  callGraph?: { caller: string; callee: string; calls: number }[];
}

interface ChaosRow {
  id: string;
  experiment: string;
  target: string;
  held: boolean | null;
  detectMs: number | null;
  recoverMs: number | null;
  lost: number;
  quarantined: string;
  restartedBeyond: number;
  note: string;
}

export function timelineLine({ at, what }: { at: number; what: string }): string {
  return `  ${paint("dim", `${(at / 1000).toFixed(2).padStart(7)} s`)}  ${what}`;
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "-";
  return value < 10_000 ? `${value} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function paintHeld(held: boolean | null, status = "done"): string {
  if (held === null) return paint("yellow", status === "done" ? "not tested" : status);
  return held ? paint("green", "held") : paint("red", "did not hold");
}

/** What came of a run, without its timeline. */
export function outcome(report: ChaosReport): string {
  if (report.kind === "suite") return suiteOutcome(report);
  if (report.kind === "dependencies") return dependencyOutcome(report);
  const { detectMs, recoverMs, lost = 0, calls, quarantined = [], restartedBeyond = [], against = [] } = report;
  const lines = [
    `${paint("bold", report.experiment!)} of ${report.target}: ${paintHeld(report.hypothesisHeld, report.status)}  ${paint("dim", report.hypothesis!)}`,
    `  seen after ${milliseconds(detectMs)}, healthy after ${milliseconds(recoverMs)}, ${lost} calls lost` +
      (calls && calls.done > 0 ? ` (${calls.failed} of ${calls.done} of our own: ${calls.actions.join(", ")})` : ""),
  ];
  for (const reason of against) lines.push(`  ${paint("red", "✖")} ${reason}`);
  for (const { service, why, rightReason } of quarantined)
    lines.push(`  ${service} is in quarantine, for the ${rightReason ? "right" : "wrong"} reason: ${why}`);
  lines.push(`  restarted besides the target: ${restartedBeyond.map(({ service }) => service).join(", ") || "none"}`);
  lines.push(paint("dim", `  report ${report.id}, seed ${report.seed}`));
  return lines.join("\n");
}

const SUITE_COLUMNS: Column[] = [
  { title: "experiment" },
  { title: "target" },
  { title: "hypothesis" },
  { title: "seen", align: "right" },
  { title: "healthy", align: "right" },
  { title: "lost", align: "right" },
  { title: "quarantined" },
  { title: "others restarted", align: "right" },
  { title: "note", flexible: true },
];

function suiteOutcome({
  id,
  suite,
  seed,
  status,
  hypothesisHeld,
  stopped,
  rows = [],
  startedAt,
  endedAt,
}: ChaosReport) {
  const cells = rows.map((row) => [
    row.experiment,
    row.target,
    paintHeld(row.held, "refused"),
    milliseconds(row.detectMs),
    milliseconds(row.recoverMs),
    String(row.lost),
    row.quarantined || "-",
    String(row.restartedBeyond),
    row.note,
  ]);
  const took = endedAt ? ` in ${Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)} s` : "";
  const held = rows.filter((row) => row.held).length;
  const untested = rows.filter((row) => row.held === null).length;
  return [
    table(SUITE_COLUMNS, cells),
    `${paint("bold", suite!)}: ${paintHeld(hypothesisHeld, status)}; ${held} of ${rows.length} experiments held${untested > 0 ? `, ${untested} could not be tested` : ""}${took}`,
    ...(stopped ? [`  ${paint("red", "✖")} ${stopped}`] : []),
    paint("dim", `  report ${id}, seed ${seed}`),
  ].join("\n");
}

function dependencyOutcome({ id, tested = [], findings = [], callGraph = [], stopped, status }: ChaosReport): string {
  const columns: Column[] = [
    { title: "who" },
    { title: "needs" },
    { title: "declared" },
    { title: "when that failed, it" },
    { title: "its calls", align: "right" },
    { title: "finding", flexible: true },
  ];
  const words: Record<string, string> = {
    degraded: "was ill",
    failed: "failed its callers",
    unharmed: "was unharmed",
    untested: "was not called",
  };
  const rows = findings.map(({ from, to, declared, observed, calls, verdict }) => [
    from,
    to,
    declared,
    words[observed] ?? observed,
    String(calls),
    / edge/.test(verdict) ? paint("yellow", verdict) : paint("dim", verdict || "as declared"),
  ]);
  const wrong = findings.filter(({ verdict }) => / edge/.test(verdict)).length;
  return [
    rows.length > 0 ? table(columns, rows) : "no edge is declared, and none was seen",
    `${tested.length} services failed in turn; ${callGraph.length} edges were called; ${wrong} differ from what is declared`,
    ...(stopped ? [`  ${paint("red", "✖")} ${status}: ${stopped}`] : []),
    paint("dim", `  report ${id}`),
  ].join("\n");
}
