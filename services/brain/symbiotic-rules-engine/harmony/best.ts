import { METRICS, type Metric, type System } from "../../../../models/metrics.ts";
import type { HarmonyExplanation } from "../../../../models/organism-state.ts";
import { show } from "./costs.ts";
import { flowStrains } from "./flow-strain.ts";
import { type FlowInput, goodValue, type SystemInput } from "./strain.ts";
import { balanceStrain, type Strain, sumOf } from "./strains.ts";

/** What could be done about a metric. */
const MEANS: Partial<Record<Metric, string>> = {
  healthyRatio: "see which of its services are not healthy, and heal them",
  errorRate: "see which of its services fail, and why",
  refusalRate: "add a node, make its calls cheaper, or have callers call less",
  restarts: "see what makes its services or nodes restart",
  load: "give it more of the processor, another node, or fewer calls",
  cpu: "give it another node, or fewer calls",
  eventLoopDelay: "find what blocks its event loop; work off it, or into worker threads",
  memoryUsage: "give it more heap, clear caches, or find what leaks",
  saturation: "let more calls run at once, or add a node",
  queueDepth: "add a node, let more calls run at once, or let fewer in",
  latencyP95: "see what its slow calls spend their time on",
  latencyP50: "see what its calls spend their time on",
};

/**
 * The one metric, or the one system that is waited for, that would give most points back if it were well; what hangs on it
 * (balance, circles) is counted with it.
 */
export function bestOf(
  systems: readonly SystemInput[],
  flows: readonly FlowInput[],
  strains: readonly Strain[],
): HarmonyExplanation["best"] {
  const sum = sumOf(strains);
  const [balance, flow] = [sumOf(strains, "balance"), sumOf(strains, "flow")];
  let best: { strain: Strain; relief: number } | undefined;
  for (const strain of strains) {
    let relief = strain.amount;
    if (strain.part === "balance" || strain.circle) continue;
    if (strain.part === "flow") relief = flow - sumOf(flowStrains(flows.filter(({ to }) => to !== strain.system)));
    else if (strain.metric === "load") relief += balance - (balanceStrain(systems, strain.system)?.amount ?? 0);
    if (relief > (best?.relief ?? 0)) best = { strain, relief };
  }
  if (!best) return null;
  const { strain, relief } = best;
  return {
    system: strain.system,
    metric: strain.metric,
    gain: 100 * (Math.exp(relief - sum) - Math.exp(-sum)),
    how: how(systems, strain),
  };
}

function how(systems: readonly SystemInput[], { part, system, metric, value, flow }: Strain): string {
  if (part === "flow") return `Let callers of ${system} wait less (${flow!.from} waits most): ${MEANS.queueDepth}`;
  const input = systems.find((one) => one.system === (system as System))!;
  const { unit } = METRICS[metric as Metric];
  const good = show(goodValue(input, metric as Metric), unit);
  return `Bring ${metric} of ${system} from ${show(value, unit)} to ${good}: ${MEANS[metric as Metric]}`;
}
