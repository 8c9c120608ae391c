import type { OrganismGauges } from "../../../models/alerts.ts";
import { type Labels, labels, MetricFamilies } from "./metric-families.ts";

/**
 * What the rules engine knows of the whole organism, in Prometheus' text format. What it does not know is left out. Names:
 * docs/alerts.md.
 */
export function organismText(known: OrganismGauges): string {
  const families = new MetricFamilies();
  const { harmony, systems, services, nodes, metrics, chain, alerts, notKept, forgotten, channels } = known;

  function gauge(name: string, help: string, samples: readonly (readonly [Labels, number | null])[]) {
    families.add(name, "gauge", help, lines(name, samples));
  }

  gauge("azora_harmony_score", "How well the organism is, 0 to 100.", harmony ? [[{}, harmony.score]] : []);
  gauge(
    "azora_harmony_confidence",
    "Share of what harmony is made of that is known.",
    harmony ? [[{}, harmony.confidence]] : [],
  );
  const perSystem = (name: string, help: string, value: (system: (typeof systems)[number]) => number | null) =>
    gauge(
      name,
      help,
      systems.map((one) => [{ system: one.system }, value(one)]),
    );
  perSystem("azora_system_health", "Health of a system, 0 to 100.", ({ health }) => health);
  perSystem(
    "azora_system_error_ratio",
    "Share of a system's calls that fail by its own fault.",
    ({ errorRatio }) => errorRatio,
  );
  perSystem("azora_system_saturation_ratio", "Places of a system that are taken.", ({ saturation }) => saturation);
  gauge(
    "azora_service_health_ratio",
    "1 healthy, 0.5 degraded, 0 failed; left out while it is started or waits.",
    services.map(({ service, system, priority, health }) => [{ service, system, priority }, health]),
  );
  gauge(
    "azora_service_recent_restarts",
    "Restarts of a service in the last 10 minutes.",
    services.map(({ service, system, restarts }) => [{ service, system }, restarts]),
  );
  gauge(
    "azora_node_up",
    "1 where a node is up, 0 where it is down or hung.",
    nodes.map(({ node, up }) => [{ node }, up === null ? null : Number(up)]),
  );
  gauge(
    "azora_organism_metric",
    "A metric of a system, a service or the organism, in its own unit: those that own alerts are about.",
    metrics.map(({ system, name, value }) => [{ system, metric: name }, value]),
  );
  gauge("azora_chain_intact", "1 while the audit chain's log agrees with its keys and witnesses.", [
    [{}, chain.intact === null ? null : Number(chain.intact)],
  ]);
  gauge("azora_chain_recent_gaps", "Gaps that were found in the audit chain in the last hour.", [[{}, chain.gaps]]);
  gauge(
    "azora_chain_alarm",
    "1 while something is wrong with the audit chain.",
    chain.alarms === null ? [] : ALARMS.map((code) => [{ code }, Number(chain.alarms!.includes(code))]),
  );
  gauge(
    "azora_alerts",
    "Alerts that fire.",
    Object.entries(alerts).map(([severity, count]) => [{ severity }, count]),
  );
  gauge("azora_alerts_not_kept", "Alerts for which there was no room.", [[{}, notKept]]);
  families.add(
    "azora_alerts_forgotten_total",
    "counter",
    "Ended alerts that made room before every receiver was told of their end.",
    lines("azora_alerts_forgotten_total", [[{}, forgotten]]),
  );
  const perChannel = (value: (channel: (typeof channels)[number]) => number) =>
    channels.map((one) => [{ channel: one.channel }, value(one)] as const);
  const counter = (name: string, help: string, value: (channel: (typeof channels)[number]) => number) =>
    families.add(name, "counter", help, lines(name, perChannel(value)));
  counter("azora_alert_messages_total", "Messages of alerts that a receiver has taken.", ({ sent }) => sent);
  counter("azora_alert_failures_total", "Messages that it has not taken at that time.", ({ failed }) => failed);
  gauge(
    "azora_alert_channel_failing",
    "1 while a receiver does not take alerts.",
    perChannel(({ failing }) => Number(failing)),
  );
  return families.toString();
}

const ALARMS = ["CHAIN_UNAVAILABLE", "CHAIN_UNWITNESSED", "CHAIN_ROLLED_BACK", "CHAIN_CORRUPT"];

function lines(name: string, samples: readonly (readonly [Labels, number | null])[]): string[] {
  return samples.flatMap(([of, value]) => {
    if (value === null || !Number.isFinite(value)) return [];
    const names = labels(of);
    return [names ? `${name}{${names}} ${value}` : `${name} ${value}`];
  });
}
