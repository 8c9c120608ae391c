import type { ServiceAnalysis } from "../../../models/performance-views.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { moment, percent, time } from "./figures.ts";

export const analyze: Command = {
  name: "analyze",
  usage: "[service]",
  summary: "says what each service spends its time on, what has become slower, and the one best next step",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const body = args[0] === undefined ? {} : { service: args[0] };
    const all = await new ApiClient(settings).post<ServiceAnalysis[]>("/api/performance/analyze", body);
    if (options["json"]) out(JSON.stringify(all));
    else out(report(all));
    return 0;
  },
};

const WORDS: Record<string, string> = { own: "own work", queueing: "its turn", gc: "garbage collection" };

/** What promises most comes first; those that nobody calls are only named. */
function report(all: readonly ServiceAnalysis[]): string {
  const idle = all.filter(({ calls, regressions }) => calls === 0 && regressions.length === 0);
  const busy = all
    .filter((one) => !idle.includes(one))
    .toSorted((one, other) => gainOf(other) - gainOf(one))
    .map(told);
  const named = idle.map(({ service }) => service).join(", ");
  return [...busy, ...(idle.length > 0 ? [paint("dim", `no calls in the last minute: ${named}`)] : [])].join("\n\n");
}

function gainOf({ nextStep }: ServiceAnalysis): number {
  return nextStep?.expectedGain ?? 0;
}

function told({ service, spends, trend, regressions, nextStep }: ServiceAnalysis): string {
  const whole = Object.values(spends).reduce((sum, ms) => sum + ms, 0);
  const shares = Object.entries(spends)
    .filter(([, ms]) => whole > 0 && ms / whole >= 0.05)
    .sort(([, one], [, other]) => other - one)
    .map(([what, ms]) => `${WORDS[what] ?? what} ${percent(ms / whole)}`);
  const each = whole > 0 ? `${time(whole)} a call: ` : "";
  const slower = regressions.map(
    ({ at, metric, before, after, confidence }) =>
      `  ${paint("red", "slower")} since ${moment(at)}: ${metric} ${time(before)} → ${time(after)}, sure ${percent(confidence)}`,
  );
  const step = nextStep
    ? [
        `  ${paint("cyan", nextStep.what)}`,
        `  ${paint("dim", `${nextStep.why}; may save ${percent(nextStep.expectedGain)}`)}`,
      ]
    : [`  ${paint("dim", "nothing better to do is known")}`];
  const latency = trend === "steady" ? "" : `  ${paint(trend === "rising" ? "yellow" : "dim", `latency is ${trend}`)}`;
  return [
    `${paint("bold", service)}  ${each}${shares.join(", ") || paint("dim", "no calls")}${latency}`,
    ...slower,
    ...step,
  ].join("\n");
}
