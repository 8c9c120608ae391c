import type { Failure } from "../../../models/healing.ts";
import type { Topology } from "../../../models/topology.ts";
import type { NotedCase } from "./memory/case-book.ts";
import { belongsToLadder } from "./remedies.ts";
import { nodeOf, serviceOf } from "./topology.ts";

/** Cases of which nothing was heard for so long are looked after, ms. */
export const FORGOTTEN_MS = 120_000;

/** Open cases that nobody is dealing with any longer. */
export function forgotten(open: readonly NotedCase[], treated: ReadonlySet<string>, now: number): NotedCase[] {
  return open.filter((one) => !treated.has(one.id) && now - lastOf(one) > FORGOTTEN_MS);
}

/** True where its target is well, or the ladder has nothing to do with it. */
export function isOver({ service, node, failure }: NotedCase, topology: Topology): boolean {
  if (!belongsToLadder(failure as Failure)) return true;
  const ill = service === undefined ? undefined : serviceOf(topology, service);
  if (ill) return ["healthy", "degraded"].includes(ill.status);
  const place = node === undefined ? undefined : nodeOf(topology, node);
  return !place || place.status === "up";
}

function lastOf({ opened, acts }: NotedCase): number {
  const last = acts.at(-1);
  return last ? Date.parse(last.at) + last.duration : Date.parse(opened);
}
