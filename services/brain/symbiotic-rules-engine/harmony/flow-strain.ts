import { SYSTEMS, type System } from "../../../../models/metrics.ts";
import { worstCircle } from "./circles.ts";
import { type FlowInput, ramp, SYSTEM_WEIGHTS, significance } from "./strain.ts";
import type { Strain } from "./strains.ts";

const N = SYSTEMS.length;
const INDEX = Object.fromEntries(SYSTEMS.map((system, at) => [system, at])) as Record<System, number>;

/** Share of a flow's strain that is waiting, and that is failing. */
const WAITING = { share: 0.6, from: 20, to: 1000 };
const FAILING = { share: 0.4, from: 1, to: 50 };
/** At full strain: for a system that others wait for, times its weight; and for the worst circle. */
export const FLOW_WEIGHT = 0.3;
export const CIRCLE_WEIGHT = 0.3;

/** 0 to 1. Only time in which nobody works for the caller counts: an answer may take as long as its work does. */
export function flowStrain({ rate, waiting, errorRate, keep = 1 }: FlowInput): number {
  const waits = Number.isFinite(waiting) ? ramp(waiting!, WAITING.from, WAITING.to) : 0;
  const fails = Number.isFinite(errorRate) ? ramp(errorRate, FAILING.from, FAILING.to) : 0;
  return Math.min(1, Math.max(0, keep)) * significance(rate) * (WAITING.share * waits + FAILING.share * fails);
}

/** For each system the caller that waits worst for it, and the worst circle of systems that wait for each other. */
export function flowStrains(flows: readonly FlowInput[]): Strain[] {
  const matrix = new Float64Array(N * N);
  const worst = new Map<System, { flow: FlowInput; strain: number }>();
  for (const flow of flows) {
    if (flow.from === flow.to) continue;
    const strain = flowStrain(flow);
    if (strain === 0) continue;
    const at = INDEX[flow.from] * N + INDEX[flow.to];
    matrix[at] = Math.max(matrix[at]!, strain);
    if (strain > (worst.get(flow.to)?.strain ?? 0)) worst.set(flow.to, { flow, strain });
  }
  const strains: Strain[] = [...worst.values()].map(({ flow, strain }) => ({
    part: "flow",
    system: flow.to,
    metric: `calls from ${flow.from}`,
    value: flow.waiting ?? 0,
    amount: FLOW_WEIGHT * SYSTEM_WEIGHTS[flow.to] * strain,
    flow,
  }));
  const circle = worst.size > 1 ? worstCircle(matrix) : undefined;
  if (circle)
    strains.push({
      part: "flow",
      system: circle.systems[0]!,
      metric: "circle",
      value: 100 * circle.strain,
      amount: CIRCLE_WEIGHT * circle.strain,
      circle: circle.systems,
    });
  return strains;
}
