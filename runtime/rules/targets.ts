import { ORGANISM, SYSTEMS, type System } from "../../models/metrics.ts";

/** What an action may act on. */
export type TargetKind = "system" | "service" | "node" | "organism";
/** As the act will see it: a service goes before a system of the same name. */
export interface NamedTarget {
  name: string;
  kind: TargetKind;
}

const NODE = new RegExp(`^(${SYSTEMS.join("|")})-\\d{1,4}(@[A-Za-z0-9._-]{1,64})?$`);
const SERVICE = /^(v?\d+\.)?[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const ORGAN_AS_SERVICE = /^([a-z]+)-(service|system|organ)$/;

/** The organ that a target means: `brain` and `brain-service` are the brain; undefined for a service or a node. */
export function organMeant(target: string): System | undefined {
  const name = ORGAN_AS_SERVICE.exec(target)?.[1] ?? target;
  return SYSTEMS.find((system) => system === name);
}

/** undefined: no target can look like this. Whether such a service is there is another matter. */
export function kindOfTarget(target: string): TargetKind | undefined {
  if (target === ORGANISM) return "organism";
  if (organMeant(target)) return "system";
  if (NODE.test(target)) return "node";
  return SERVICE.test(target) ? "service" : undefined;
}

/** The organ of a node, from its id. */
export function organOfNode(node: string): System | undefined {
  return NODE.exec(node)?.[1] as System | undefined;
}
