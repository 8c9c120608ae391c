import type { HealingRecord } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { CallProbe } from "./call-probe.ts";
import type { Experiment, FaultSpec } from "./experiment.ts";
import type { ExperimentReport } from "./report.ts";
import { timeToRecover } from "./steady-state.ts";
import type { Target } from "./target.ts";
import { dependentsOf, isWhole, notWhole } from "./topology.ts";

export interface Observed {
  before: Topology;
  /** Nothing where the organism could not be looked at any more. */
  after: Topology | undefined;
  probes: readonly CallProbe[];
  /** Acts of healing since the fault, newest first. */
  history: readonly HealingRecord[];
}

/** Weighs what was observed against the hypothesis, and writes both into the report. */
export function outcomeOf(report: ExperimentReport, experiment: Experiment, target: Target, observed: Observed): void {
  const { before, after, probes, history } = observed;
  const byError: Record<string, number> = {};
  for (const probe of probes)
    for (const [error, times] of probe.byError) byError[error] = (byError[error] ?? 0) + times;
  const sum = (of: (probe: CallProbe) => number) => probes.reduce((total, probe) => total + of(probe), 0);
  report.calls = { ...report.calls, done: sum((probe) => probe.done), failed: sum((probe) => probe.failed), byError };
  report.healing = [...history].reverse();
  const lostByOthers = history.reduce((total, { lost = 0 }) => total + lost, 0);
  report.lost = Math.max(report.calls.failed, lostByOthers);
  report.quarantined = (after?.services ?? [])
    .filter(({ name, status }) => status === "quarantined" && target.services.includes(name))
    .map(({ name, why }) => ({ service: name, why, rightReason: isRightReason(experiment.fault, why) }));
  report.restartedBeyond = after ? restartedBeyond(before, after, target, experiment, history) : [];
  report.against.push(...againstIt(report, experiment, target, after, probes));
  report.hypothesisHeld = report.against.length === 0;
}

function againstIt(
  report: ExperimentReport,
  { steadyState: { checks } }: Experiment,
  target: Target,
  after: Topology | undefined,
  probes: readonly CallProbe[],
): string[] {
  const against: string[] = [];
  if (report.stopped) against.push(report.stopped);
  if (report.recoverMs === null) {
    // Out of the way with the right reason is as good as healed: what is left must be well.
    const isSettled =
      after?.services.every(
        ({ name, status }) =>
          status === "healthy" ||
          !target.services.includes(name) ||
          report.quarantined.some(({ service, rightReason }) => service === name && rightReason),
      ) && report.quarantined.length > 0;
    if (!isSettled)
      against.push(
        `not healthy within ${timeToRecover(checks)} ms: ${after && !isWhole(after) ? notWhole(after) : "it cannot be seen, or what was broken did not come back"}`,
      );
  }
  for (const { service, node, why } of report.restartedBeyond)
    against.push(`${service} on ${node} was restarted, which was not the target: ${why}`);
  for (const probe of probes) {
    const verdict = probe.verdict();
    if (verdict) against.push(verdict);
  }
  return against;
}

/** Instances in another life than before, of services that the fault was not about. */
function restartedBeyond(
  before: Topology,
  after: Topology,
  target: Target,
  { blastRadius }: Experiment,
  history: readonly HealingRecord[],
): ExperimentReport["restartedBeyond"] {
  const own = new Set(target.services);
  if (blastRadius.services === "dependents") for (const name of dependentsOf(before.services, own)) own.add(name);
  return before.services.flatMap((service) =>
    service.instances.flatMap(({ node, pid, incarnation }) => {
      if (own.has(service.name) || target.nodes.includes(node)) return [];
      const now = after.services
        .find(({ name }) => name === service.name)
        ?.instances.find((instance) => instance.node === node);
      if (!now || (now.incarnation === incarnation && now.pid === pid)) return [];
      const act = history.find((one) => one.target.service === service.name || one.target.node === node);
      return [{ service: service.name, node, why: act ? `${act.failure}: ${act.reason}` : "nobody says why" }];
    }),
  );
}

/** Whether the words of a quarantine name what was really done. */
function isRightReason(fault: FaultSpec, why: string): boolean {
  if (fault.kind === "fail-calls") return why.includes(String(fault["message"] ?? "chaos: this call was made to fail"));
  if (fault.kind === "kill-service") return /not (found|available)|no longer|is gone|destroyed/i.test(why);
  if (fault.kind === "delay-calls") return /no answer|timed? ?out|within|slow/i.test(why);
  return false;
}
