import type { Model } from "./model.ts";

/** The cached answers of one action on one node, as they were a minute ago at most. Its `_id` is `<action>@<node>`. */
export interface CacheEntry {
  at: string;
  service: string;
  action: string;
  node: string;
  /** 0 to 1, of the last minute; absent where nobody asked. */
  hitRatio?: number;
  /** Mean age of what was served, ms. */
  age: number;
  /** Time of loads that were spared in the last minute, ms. */
  saved: number;
  entries: number;
  bytes: number;
}

const amount = { type: "number", min: 0 } as const;
const name = { type: "string", min: 1, max: 400 } as const;

export const cacheEntryModel: Model<CacheEntry> = {
  name: "cache_entries",
  fields: {
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z$" },
    service: name,
    action: name,
    node: name,
    hitRatio: { type: "number", min: 0, max: 1, optional: true },
    age: amount,
    saved: amount,
    entries: amount,
    bytes: amount,
  },
  indexes: [{ fields: ["at"] }, { fields: ["service"] }],
};
