import type { QueryAdvice } from "../../../models/performance-views.ts";
import type { ServiceQueries } from "../../../models/query-facts.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { percent, time } from "./figures.ts";

const right = { align: "right" as const };
/** µs to ms */
const MS = 1000;

export const queries: Command = {
  name: "queries",
  usage: "[service]",
  summary: "shows what is asked of the stores, without values: runs, time, documents looked at, index",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const query = args[0] === undefined ? "" : `?service=${encodeURIComponent(args[0])}`;
    const all = await new ApiClient(settings).get<ServiceQueries[]>(`/api/performance/queries${query}`);
    if (options["json"]) {
      out(JSON.stringify(all));
      return 0;
    }
    const rows = all
      .flatMap(({ service, shapes }) => shapes.map((shape) => ({ service, shape })))
      .toSorted((one, other) => other.shape.sum - one.shape.sum)
      .map(({ service, shape: { text, count, timed, sum, sampled, plan } }) => [
        service,
        String(count),
        timed === 0 ? "-" : time(sum / timed / MS),
        sampled.runs === 0 ? "-" : perRun(sampled.examined, sampled.runs),
        sampled.runs === 0 ? "-" : perRun(sampled.returned, sampled.runs),
        plan === null ? "-" : plan.access === "scan" ? paint("yellow", "scan") : (plan.indexes[0] ?? plan.access),
        text,
      ]);
    if (rows.length === 0) {
      out("no service has asked its store anything yet");
      return 0;
    }
    const columns = [
      { title: "SERVICE" },
      { title: "RUNS", ...right },
      { title: "MEAN", ...right },
      { title: "LOOKED AT", ...right },
      { title: "RETURNED", ...right },
      { title: "BY" },
      { title: "QUERY", flexible: true },
    ];
    out(table(columns, rows));
    return 0;
  },
};

export const advice: Command = {
  name: "advice",
  usage: "[service]",
  summary: "says which index or rewriting would help, by how much, and on what evidence",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const query = args[0] === undefined ? "" : `?service=${encodeURIComponent(args[0])}`;
    const all = await new ApiClient(settings).get<QueryAdvice[]>(`/api/performance/advice${query}`);
    if (options["json"]) out(JSON.stringify(all));
    else if (all.length === 0) out("no advice: what is asked is answered as it should be, or too little was asked yet");
    else
      out(
        all
          .toSorted((one, other) => other.expectedGain - one.expectedGain)
          .map(told)
          .join("\n\n"),
      );
    return 0;
  },
};

function told({ id, service, kind, what, evidence, expectedGain, applicable }: QueryAdvice): string {
  const facts = (
    Array.isArray(evidence) ? evidence : [typeof evidence === "string" ? evidence : JSON.stringify(evidence)]
  )
    .filter(Boolean)
    .map((fact) => `    ${paint("dim", fact)}`);
  const gain = expectedGain > 0 ? `, may save ${percent(expectedGain)} of its time in queries` : "";
  const next = applicable ? `azora optimizer apply ${id}` : "for whoever writes the service";
  return [`${paint("bold", service)}  ${kind}${gain}`, `  ${what}`, ...facts, `  ${paint("cyan", next)}`].join("\n");
}

function perRun(count: number, runs: number): string {
  const mean = count / runs;
  return mean >= 10 || Number.isInteger(mean) ? String(Math.round(mean)) : mean.toFixed(1);
}
