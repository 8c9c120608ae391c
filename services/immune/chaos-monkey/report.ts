import type { Detection, HealingRecord } from "../../../models/healing.ts";
import type { Experiment, FaultSpec } from "./experiment.ts";

export type RunStatus = "running" | "done" | "stopped" | "refused" | "interrupted";

export interface TimelineEntry {
  /** ms since the start of the run. */
  at: number;
  what: string;
}

/** What one experiment showed. */
export interface ExperimentReport {
  id: string;
  kind: "experiment";
  experiment: string;
  seed: number;
  /** The suite's run that it was a part of. */
  suite?: string;
  /** ISO 8601 */
  startedAt: string;
  endedAt?: string;
  status: RunStatus;
  hypothesis: string;
  /** Null where it could not be tested. */
  hypothesisHeld: boolean | null;
  /** Each reason why it did not hold. */
  against: string[];
  /** Why it was ended before its time. */
  stopped?: string;
  fault: FaultSpec;
  target: string;
  /** From the fault to its being seen, ms; null where nobody had to see it. */
  detectMs: number | null;
  /** From the fault (of one that lasts: from its end) to everything being healthy, ms. */
  recoverMs: number | null;
  calls: { done: number; failed: number; byError: Record<string, number>; actions: string[] };
  /** Calls that failed for anybody, as far as it is known. */
  lost: number;
  detections: Detection[];
  healing: HealingRecord[];
  quarantined: { service: string; why: string; rightReason: boolean }[];
  /** Services that are not the target's and got a new life. */
  restartedBeyond: { service: string; node: string; why: string }[];
  /** Most services besides the target that were ill at once. */
  illBeyond: string[];
  undone: string[];
  timeline: TimelineEntry[];
}

/** A line of a suite's table. */
export interface SuiteRow {
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

export interface SuiteReport {
  id: string;
  kind: "suite";
  suite: string;
  seed: number;
  startedAt: string;
  endedAt?: string;
  status: RunStatus;
  hypothesisHeld: boolean | null;
  stopped?: string;
  rows: SuiteRow[];
  timeline: TimelineEntry[];
}

export interface DependencyFinding {
  /** Who depends. */
  from: string;
  to: string;
  declared: "hard" | "soft" | "no";
  /** `degraded`: it was ill; `failed`: calls of it failed; `unharmed`: its calls went well; `untested`: nobody called it. */
  observed: "degraded" | "failed" | "unharmed" | "untested";
  /** Of `to` by `from`, while `to` failed. */
  calls: number;
  /** What should be changed, if anything. */
  verdict: string;
}

export interface DependencyReport {
  id: string;
  kind: "dependencies";
  startedAt: string;
  endedAt?: string;
  status: RunStatus;
  hypothesisHeld: boolean | null;
  stopped?: string;
  /** Services that were made to fail, one after the other. */
  tested: string[];
  findings: DependencyFinding[];
  callGraph: { caller: string; callee: string; calls: number }[];
  timeline: TimelineEntry[];
}

export type Report = ExperimentReport | SuiteReport | DependencyReport;

export interface RunIdentity {
  id: string;
  seed: number;
  suite?: string;
}

/** The report of a run that has just begun. */
export function newReport(
  { name, steadyState, fault }: Experiment,
  identity: RunIdentity,
  now: number,
): ExperimentReport {
  return {
    ...identity,
    kind: "experiment",
    experiment: name,
    startedAt: new Date(now).toISOString(),
    status: "running",
    hypothesis: steadyState.hypothesis,
    hypothesisHeld: null,
    against: [],
    fault,
    target: "nobody yet",
    detectMs: null,
    recoverMs: null,
    calls: { done: 0, failed: 0, byError: {}, actions: [] },
    lost: 0,
    detections: [],
    healing: [],
    quarantined: [],
    restartedBeyond: [],
    illBeyond: [],
    undone: [],
    timeline: [],
  };
}

const MAX_TIMELINE = 500;

/** Writes a run's timeline, bounded: beyond the bound only the last entry is replaced. */
export function say(report: { timeline: TimelineEntry[]; startedAt: string }, what: string, now: number): void {
  const entry = { at: Math.max(0, now - Date.parse(report.startedAt)), what };
  if (report.timeline.length >= MAX_TIMELINE) report.timeline[MAX_TIMELINE - 1] = entry;
  else report.timeline.push(entry);
}

export function rowOf(report: ExperimentReport): SuiteRow {
  const { id, experiment, target, hypothesisHeld, detectMs, recoverMs, lost, quarantined, restartedBeyond } = report;
  return {
    id,
    experiment,
    target,
    held: hypothesisHeld,
    detectMs,
    recoverMs,
    lost,
    quarantined: quarantined
      .map(({ service, rightReason }) => `${service} (${rightReason ? "right" : "wrong"} reason)`)
      .join(", "),
    restartedBeyond: restartedBeyond.length,
    note: report.stopped ?? report.against.join("; "),
  };
}

export function nameOf(report: Report): string {
  return report.kind === "experiment" ? report.experiment : report.kind === "suite" ? report.suite : "dependencies";
}

/** A report in one line of a list. */
export function summaryOf(report: Report) {
  const { id, kind, startedAt, status, hypothesisHeld, stopped } = report;
  return {
    id,
    kind,
    name: nameOf(report),
    startedAt,
    status,
    hypothesisHeld,
    ...(stopped ? { stopped } : {}),
    ...detailsOf(report),
  };
}

function detailsOf(report: Report): object {
  if (report.kind === "suite") return { seed: report.seed, experiments: report.rows.length };
  if (report.kind === "dependencies") return { services: report.tested.length };
  const { target, seed, suite, detectMs, recoverMs, lost } = report;
  return { target, seed, suite, detectMs, recoverMs, lost };
}
