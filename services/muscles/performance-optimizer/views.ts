import type { CacheStatus, PoolStatus } from "../../../models/performance-views.ts";
import type { Measurements } from "./measurements/measurements.ts";
import { adviceOn } from "./pools/sizing.ts";

const WINDOW_US = 60_000_000;

/** Every pool of every node, with the counts of the last minute. */
export function poolStatus(measurements: Measurements): PoolStatus[] {
  return measurements
    .pools()
    .map((pool) => {
      const { node, kind, size, inUse, uses, useSum, waitSum } = pool;
      const wait = uses === 0 ? 0 : waitSum / uses / 1000;
      const now = size === 0 ? 0 : inUse / size;
      const lately = size === 0 ? 0 : useSum / (size * WINDOW_US);
      const advice = adviceOn(pool);
      return {
        ...pool,
        wait,
        utilisation: Math.min(1, kind === "memory" ? now : Math.max(now, lately)),
        ...(advice ? { advice } : {}),
        node,
      };
    })
    .sort((a, b) => a.node.localeCompare(b.node) || a.name.localeCompare(b.name));
}

/** Each cached action, all its nodes together, with the counts of the last minute. */
export function cacheStatus(measurements: Measurements, service?: string): CacheStatus[] {
  const byAction = Map.groupBy(measurements.caches(), ({ action }) => action);
  return [...byAction]
    .map(([action, nodes]): CacheStatus => {
      const sum = (of: (node: (typeof nodes)[number]) => number) => nodes.reduce((all, node) => all + of(node), 0);
      const hits = sum((node) => node.hits.near + node.hits.far);
      const asked = hits + sum((node) => node.misses);
      return {
        service: action.slice(0, Math.max(0, action.lastIndexOf("."))),
        action,
        hitRatio: asked === 0 ? 0 : hits / asked,
        age: hits === 0 ? 0 : sum((node) => node.ageSum) / hits / 1000,
        saved: sum((node) => node.savedSum) / 1e6,
        entries: sum((node) => node.entries),
        bytes: sum((node) => node.bytes),
      };
    })
    .filter((one) => service === undefined || one.service === service)
    .sort((a, b) => a.action.localeCompare(b.action));
}
