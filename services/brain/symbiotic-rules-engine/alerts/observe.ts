import type { AlertGroup } from "../../../../models/alerts.ts";
import { type HarmonyScore, SYSTEMS, type SystemState } from "../../../../models/symbiosis.ts";
import type { ScoreTrail } from "./score-trail.ts";
import type { NodeFacts, ServiceFacts, Situation } from "./situation.ts";

/** One thing that was measured for one definition. */
export interface Observation {
  subject: string;
  group: AlertGroup;
  /** Null is unknown. */
  value: number | null;
  /** What it means, in one sentence. */
  says(): string;
}

/** What is known besides the situation of the moment. */
export interface Memory {
  scores: ScoreTrail;
  channels: readonly { channel: string; failing: boolean; why: string }[];
}

/** `complete`: what is not named is no part of the organism any more. */
export interface Seen {
  complete: boolean;
  of: Observation[];
}

type Observe = (situation: Situation, memory: Memory) => Seen;

const NOTHING: Seen = { complete: false, of: [] };

/** Below this share of what is known a figure says nothing. */
export const ENOUGH_KNOWN = 0.5;
/** Fewer calls a second than this say nothing about a share of them. */
const ENOUGH_CALLS = 0.5;

/** By the id of a definition. A test holds these equal to the definitions. */
export const OBSERVATIONS: Readonly<Record<string, Observe>> = {
  "critical-service-failed": services(({ priority }) => priority === "critical", failed),
  "service-failed": services(({ priority }) => priority !== "critical", failed),
  "service-degraded": services(
    () => true,
    (service) => {
      const health = healthOfService(service);
      // A failed one has an alert of its own; being degraded before is then neither so nor over.
      const value = health === null || health === 0 ? null : health === 0.5 ? 1 : 0;
      return { value, says: () => `${service.name} is degraded${because(service.why)}` };
    },
  ),
  "service-flapping": services(
    () => true,
    ({ name, restarts, why }) => ({
      value: restarts,
      says: () => `${name} was restarted ${restarts} times in 10 minutes${because(why)}`,
    }),
  ),
  "node-down": nodes(({ node, status }) => [
    {
      subject: node,
      value: status === "up" ? 1 : status === "down" || status === "hung" ? 0 : null,
      says: () => `${node} is ${status}`,
    },
  ]),
  "system-degraded": systems(({ health, confidence, system }) => ({
    value: confidence < ENOUGH_KNOWN ? null : health,
    says: () => `health of ${system} is ${round(health)} of 100`,
  })),
  "system-errors": systems(({ metrics, system }) => {
    const { value } = metrics.errorRate;
    const rate = metrics.requestRate.value;
    const share = value === null ? null : value / 100;
    return {
      value: rate === null ? null : rate < ENOUGH_CALLS ? 0 : share,
      says: () => `${percent(share)} of the calls to ${system} fail by its own fault`,
    };
  }),
  "system-saturated": systems(({ metrics, system }) => {
    const value = metrics.saturation.value === null ? null : metrics.saturation.value / 100;
    return { value, says: () => `${percent(value)} of the places of ${system} are taken` };
  }),
  "places-exhausted": nodes(
    ({ node, places }) =>
      places
        ?.filter(({ max }) => max > 0)
        .map(({ name, inUse, max, waiting }) => ({
          subject: `${node} ${name}`,
          value: waiting > 0 ? finite(inUse / max) : 0,
          says: () => `all ${max} places of ${name} on ${node} are taken, and ${waiting} wait`,
        })) ?? null,
  ),
  "memory-exhausted": nodes(({ node, heap }) => [
    ratio(node, heap?.used, heap?.limit, (share) => `${node} uses ${share} of its heap`),
  ]),
  "files-exhausted": nodes(({ node, files }) => [
    ratio(node, files?.open, files?.limit, (share) => `${node} has ${share} of its file descriptors open`),
  ]),
  "disk-exhausted": disks,
  "chain-broken": ({ chain }) =>
    one({
      subject: "chain",
      group: "chain",
      value: chain.intact === null ? null : chain.intact ? 1 : 0,
      says: () => `the audit chain is not intact${because(chain.alarms?.map(({ why }) => why).join("; "))}`,
    }),
  "chain-gaps": ({ chain: { gaps } }) =>
    one({
      subject: "chain",
      group: "chain",
      value: gaps.length,
      says: () => `${gaps.length} gaps were found in the audit chain in the last hour${because(gaps.at(-1))}`,
    }),
  "chain-stalled": chainAlarm("CHAIN_UNAVAILABLE", "the audit chain cannot write"),
  "chain-unwitnessed": chainAlarm("CHAIN_UNWITNESSED", "no witness confirms the audit chain"),
  "harmony-low": harmony(({ score, confidence }) => ({
    value: confidence < ENOUGH_KNOWN ? null : score,
    says: () => `harmony is ${round(score)} of 100`,
  })),
  "harmony-dropped": harmony(({ score, confidence }, { scores }) => {
    const value = confidence < ENOUGH_KNOWN ? null : scores.drop(score);
    return { value, says: () => `harmony has dropped by ${round(value ?? 0)} points, to ${round(score)}` };
  }),
  "harmony-unknown": harmony(({ confidence }) => ({
    value: confidence,
    says: () => `only ${percent(confidence)} of what harmony is made of is known`,
  })),
  "alerts-undelivered": (_, { channels }) => ({
    complete: true,
    of: channels.map(({ channel, failing, why }) => ({
      subject: channel,
      group: "organism",
      value: failing ? 1 : 0,
      says: () => `alerts do not arrive by ${channel}${because(why)}`,
    })),
  }),
};

/** 1 healthy, 0.5 degraded, 0 failed. What is being started, or waits for another, is neither well nor has it failed. */
export function healthOfService({ status }: ServiceFacts): number | null {
  if (status === "healthy" || status === "stopped") return 1;
  if (status === "degraded") return 0.5;
  return status === "unhealthy" || status === "timeout" || status === "quarantined" ? 0 : null;
}

export function groupOf(system: string): AlertGroup {
  return SYSTEMS.find((one) => one === system) ?? "organism";
}

function one(observation: Observation): Seen {
  return { complete: true, of: [observation] };
}

function services(
  isMeant: (service: ServiceFacts) => boolean,
  look: (service: ServiceFacts) => Pick<Observation, "value" | "says">,
): Observe {
  return ({ services: all }) =>
    all === null
      ? NOTHING
      : {
          complete: true,
          of: all
            .filter(isMeant)
            .map((service) => ({ subject: service.name, group: groupOf(service.system), ...look(service) })),
        };
}

function failed(service: ServiceFacts): Pick<Observation, "value" | "says"> {
  return {
    value: healthOfService(service),
    says: () => `${service.name} is ${service.status}${because(service.why)}`,
  };
}

/** Null where the node does not tell: what is known of it from before is then neither over nor gone. */
type NodeLook = (node: NodeFacts) => Omit<Observation, "group">[] | null;

function nodes(look: NodeLook): Observe {
  return ({ nodes: all }) => {
    if (all === null) return NOTHING;
    const seen = all.map((node) => look(node)?.map((one) => ({ ...one, group: groupOf(node.system) })));
    return { complete: !seen.includes(undefined), of: seen.flatMap((some) => some ?? []) };
  };
}

function ratio(subject: string, used: number | undefined, most: number | undefined, says: (share: string) => string) {
  // A limit of 0 is none: nothing can run out.
  const value = used === undefined || most === undefined ? null : most > 0 ? used / most : 0;
  return { subject, value: finite(value), says: () => says(percent(value)) };
}

/** Nodes of one machine have one disk, so it is told once: by the node that sees least of it free. */
function disks({ nodes: all }: Situation): Seen {
  if (all === null) return NOTHING;
  const hosts = new Map<string, number | null>();
  for (const { node, disk } of all) {
    const host = node.split("@")[1] ?? "";
    const free = disk && disk.total > 0 ? finite(disk.free / disk.total) : null;
    const known = hosts.get(host) ?? null;
    hosts.set(host, free === null ? known : Math.min(free, known ?? 1));
  }
  return {
    complete: true,
    of: [...hosts].map(([host, value]) => ({
      subject: host === "" ? "disk" : `disk of ${host}`,
      group: "organism",
      value,
      says: () => `${percent(value)} of the data folder's disk is free${host === "" ? "" : ` on ${host}`}`,
    })),
  };
}

type Look<T> = (of: T, memory: Memory) => Pick<Observation, "value" | "says">;

function systems(look: Look<SystemState>): Observe {
  return ({ state }, memory) =>
    state === null
      ? NOTHING
      : {
          complete: true,
          of: state.systems.map((of) => {
            const { value, says } = look(of, memory);
            return { subject: of.system, group: of.system, value: finite(value), says };
          }),
        };
}

function harmony(look: Look<HarmonyScore>): Observe {
  return ({ state }, memory) => {
    if (state === null) return NOTHING;
    const { value, says } = look(state.harmony, memory);
    return one({ subject: "harmony", group: "organism", value: finite(value), says });
  };
}

function chainAlarm(code: string, what: string): Observe {
  return ({ chain: { alarms } }) => {
    const alarm = alarms?.find((one) => one.code === code);
    const value = alarms === null ? null : alarm ? 1 : 0;
    return one({ subject: "chain", group: "chain", value, says: () => `${what}${because(alarm?.why)}` });
  };
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

function because(why: string | undefined): string {
  return why ? `: ${why}` : "";
}

function percent(share: number | null): string {
  return share === null ? "an unknown share" : `${round(share * 100)} %`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
