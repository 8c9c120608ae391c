import type { OrganismGauges } from "../../../../models/alerts.ts";
import { partsOf } from "../../../../runtime/alerts/own-alerts.ts";
import type { AlertManager } from "./alert-manager.ts";
import { ENOUGH_KNOWN } from "./observations/observation.ts";
import { metricOf } from "./observations/own.ts";
import { healthOfService } from "./observations/services.ts";
import type { Situation } from "./situation.ts";

/** What Prometheus' rules judge by. What is not known now is left out there, so that it looks unknown there too. */
export function gaugesOf(
  situation: Situation | undefined,
  manager: AlertManager,
  channels: OrganismGauges["channels"],
): OrganismGauges {
  const { notKept, forgotten, ...alerts } = manager.counts();
  const { state = null, services = null, nodes = null, launching = true, chain } = situation ?? {};
  const share = (percent: number | null) => (percent === null ? null : percent / 100);
  return {
    harmony: state && !launching ? { score: state.harmony.score, confidence: state.harmony.confidence } : null,
    systems: (launching ? [] : (state?.systems ?? [])).map(({ system, health, confidence, metrics }) => ({
      system,
      health: confidence < ENOUGH_KNOWN ? null : health,
      errorRatio: share(metrics.errorRate.value),
      saturation: share(metrics.saturation.value),
    })),
    services: (services ?? []).map((service) => ({
      service: service.name,
      system: service.system,
      priority: service.priority,
      health: healthOfService(service),
      restarts: service.restarts,
    })),
    nodes: (nodes ?? []).map(({ node, status }) => ({
      node,
      up: status === "up" ? true : status === "down" || status === "hung" ? false : null,
    })),
    metrics: [...ownMetricsOf(manager)].map((key) => ({
      ...partsOf(key),
      value: state && !launching ? metricOf(state, key) : null,
    })),
    chain: {
      intact: chain?.intact ?? null,
      alarms: chain?.alarms?.map(({ code }) => code) ?? null,
      gaps: chain?.gaps.length ?? 0,
    },
    alerts,
    notKept,
    forgotten,
    channels: channels.map(({ channel, sent, failed, failing }) => ({ channel, sent, failed, failing })),
  };
}

/** Those that own alerts are about, each once. */
function ownMetricsOf({ definitions }: AlertManager): Set<string> {
  return new Set(definitions.flatMap(({ metric }) => metric ?? []));
}
