import { METRICS, type Metric } from "../../../models/metrics.ts";
import type { Reading, SystemState } from "../../../models/organism-state.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { rate, time } from "../optimizer/figures.ts";
import { shown } from "./lines.ts";
import { bandOf, type OrganismView, SMALL_COST } from "./picture.ts";

/** All that is known of one system: its metrics with their age, what services tell themselves, who calls it and whom it calls. */
export function systemReport(one: SystemState, { state, explanation }: OrganismView): string {
  const { system, nodes, metrics, own } = one;
  const costs = explanation.costs.filter((cost) => cost.system === system && cost.cost >= SMALL_COST);
  const rows = (Object.keys(METRICS) as Metric[]).map((metric) => [
    metric,
    withUnit(metric, metrics[metric].value),
    age(metrics[metric]),
    METRICS[metric].description,
  ]);
  const ownRows = Object.entries(own).map(([name, reading]) => [name, figure(reading.value), age(reading), ""]);
  const flows = state.flows.filter(({ from, to }) => from === system || to === system);
  return [
    `${paint("bold", system)}  ${healthText(one)}, on ${nodes.join(", ") || "no node that tells anything"}`,
    "",
    table(
      [
        { title: "METRIC" },
        { title: "VALUE", align: "right" },
        { title: "AGE", align: "right" },
        { title: "", flexible: true },
      ],
      [...rows, ...ownRows],
    ),
    ...(flows.length > 0 ? ["", ...flows.map(flowLine)] : []),
    ...(costs.length > 0 ? ["", ...costs.map(({ cost, why }) => `−${cost.toFixed(1)}  ${why}`)] : []),
  ].join("\n");

  function flowLine({ from, to, rate: calls, latency, errorRate }: (typeof flows)[number]): string {
    const errors = errorRate > 0 ? paint("red", `, ${figure(errorRate)} % errors`) : "";
    return `${from} → ${to}  ${rate(calls)} calls/s, ${time(latency)}${errors}`;
  }
}

function healthText({ present, health, confidence }: SystemState): string {
  if (confidence === 0) return present ? "health not known" : "not part of this organism";
  return `health ${Math.round(health)} (${bandOf(health).words}), confidence ${Math.floor(confidence * 100)} %`;
}

function withUnit(metric: Metric, value: number | null): string {
  const { unit } = METRICS[metric];
  return value === null || unit === "ms" || unit === "%" ? shown(metric, value) : `${shown(metric, value)} ${unit}`;
}

function age({ value, age }: Reading): string {
  if (age === null) return "never";
  return `${time(age)}${value === null ? ", stale" : ""}`;
}

function figure(value: number | null): string {
  return value === null ? "-" : String(Math.round(value * 100) / 100);
}
