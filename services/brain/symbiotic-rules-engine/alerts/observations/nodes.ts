import type { NodeFacts, Situation } from "../situation.ts";
import {
  finite,
  groupOf,
  NOTHING,
  type Observation,
  type Observations,
  type Observe,
  type Seen,
} from "./observation.ts";
import { percent } from "./says.ts";

export const NODE_OBSERVATIONS: Observations = {
  "node-down": nodes(({ node, status }) => [
    {
      subject: node,
      value: status === "up" ? 1 : status === "down" || status === "hung" ? 0 : null,
      says: () => `${node} is ${status}`,
    },
  ]),
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
};

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
