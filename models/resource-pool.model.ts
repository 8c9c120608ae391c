import type { Model } from "./model.ts";
import { POOL_KINDS, type PoolKind } from "./performance.ts";

/** A pool of a node, as it was a minute ago at most. Its `_id` is `<pool>@<node>`. */
export interface ResourcePool {
  at: string;
  node: string;
  name: string;
  kind: PoolKind;
  service?: string;
  min: number;
  max: number;
  size: number;
  inUse: number;
  waiting: number;
  /** In the last minute. */
  uses: number;
  refused: number;
  /** Mean, ms. */
  wait: number;
  /** 0 to 1 */
  utilisation: number;
}

const amount = { type: "number", min: 0 } as const;
const name = { type: "string", min: 1, max: 400 } as const;

export const resourcePoolModel: Model<ResourcePool> = {
  name: "resource_pools",
  fields: {
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
    node: name,
    name,
    kind: { type: "enum", values: [...POOL_KINDS] },
    service: { ...name, optional: true },
    min: amount,
    max: amount,
    size: amount,
    inUse: amount,
    waiting: amount,
    uses: amount,
    refused: amount,
    wait: amount,
    utilisation: amount,
  },
  indexes: [{ fields: ["at"] }, { fields: ["node"] }],
};
