import { SYSTEMS, type System } from "../../../../models/symbiosis.ts";

/** Of a node by its id, `<organ>-<n>` or `<organ>-<n>@<host>`. */
export function systemOfNode(node: string): System | undefined {
  const organ = /^([a-z]+)-\d+(?:@.*)?$/.exec(node)?.[1];
  return SYSTEMS.find((system) => system === organ);
}
