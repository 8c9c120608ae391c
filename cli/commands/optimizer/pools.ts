import type { CacheStatus, MemoryStatus, PoolStatus } from "../../../models/performance-views.ts";
import { ApiClient } from "../../api-client.ts";
import type { Command } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";
import { percent, size, time } from "./figures.ts";

const right = { align: "right" as const };

export const pools: Command = {
  name: "pools",
  usage: "",
  summary: "shows connections, worker threads, concurrency and memory: bounds, use, waiting",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const all = await new ApiClient(settings).get<PoolStatus[]>("/api/performance/pools");
    if (options["json"]) {
      out(JSON.stringify(all));
      return 0;
    }
    if (all.length === 0) {
      out("no node has told of a pool yet");
      return 0;
    }
    const rows = all
      .toSorted((one, other) => one.node.localeCompare(other.node) || one.name.localeCompare(other.name))
      .map((pool) => {
        const shown = (value: number) => (pool.kind === "memory" ? size(value) : String(value));
        const { utilisation, waiting, refused, wait, advice = "" } = pool;
        // A connection is always in use, and what has no limit has no share.
        const isShared = pool.max > 1;
        return [
          pool.node,
          pool.name,
          shown(pool.inUse),
          pool.max > 0 ? shown(pool.size) : "-",
          pool.max > 0 ? `${shown(pool.min)} to ${shown(pool.max)}` : "no limit",
          !isShared ? "-" : utilisation >= 0.9 ? paint("yellow", percent(utilisation)) : percent(utilisation),
          waiting > 0 ? paint("yellow", String(waiting)) : "0",
          time(wait),
          refused > 0 ? paint("red", String(refused)) : "0",
          advice,
        ];
      });
    const columns = [
      { title: "NODE" },
      { title: "POOL" },
      { title: "IN USE", ...right },
      { title: "SIZE", ...right },
      { title: "BOUNDS" },
      { title: "USED", ...right },
      { title: "WAITING", ...right },
      { title: "WAIT", ...right },
      { title: "REFUSED", ...right },
      { title: "ADVICE", flexible: true },
    ];
    out(table(columns, rows));
    return 0;
  },
};

export const cache: Command = {
  name: "cache",
  usage: "[service]",
  summary: "shows what the cache answers, how old that is, and the time it spares",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const query = args[0] === undefined ? "" : `?service=${encodeURIComponent(args[0])}`;
    const all = await new ApiClient(settings).get<CacheStatus[]>(`/api/performance/cache${query}`);
    if (options["json"]) {
      out(JSON.stringify(all));
      return 0;
    }
    if (all.length === 0) {
      out("nothing is cached: no action says cache, or none of them was called");
      return 0;
    }
    const columns = [
      { title: "ACTION", flexible: true },
      { title: "HITS", ...right },
      { title: "AGE", ...right },
      { title: "SPARED", ...right },
      { title: "ENTRIES", ...right },
      { title: "SIZE", ...right },
    ];
    const rows = all
      .toSorted((one, other) => other.saved - one.saved)
      .map(({ action, hitRatio, age, saved, entries, bytes }) => [
        action,
        percent(hitRatio),
        time(age),
        time(saved * 1000),
        String(entries),
        size(bytes),
      ]);
    out(table(columns, rows));
    return 0;
  },
};

export const memory: Command = {
  name: "memory",
  usage: "",
  summary: "shows how much heap is left after a collection, whether it grows, and until when it lasts",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const all = await new ApiClient(settings).get<MemoryStatus[]>("/api/performance/memory");
    if (options["json"]) {
      out(JSON.stringify(all));
      return 0;
    }
    const columns = [
      { title: "NODE" },
      { title: "AFTER GC", ...right },
      { title: "LIMIT", ...right },
      { title: "GROWS AN HOUR", ...right },
      { title: "SURE", ...right },
      { title: "FULL IN" },
    ];
    const rows = all.map(({ node, heapAfterGc, heapLimit, growth, confidence, forecast }) => [
      node,
      size(heapAfterGc),
      heapLimit > 0 ? size(heapLimit) : "-",
      confidence > 0 ? size(growth) : "-",
      confidence > 0 ? percent(confidence) : "-",
      forecast === null ? paint("dim", "never, as it looks") : paint("yellow", hours(forecast)),
    ]);
    out(table(columns, rows));
    return 0;
  },
};

function hours(value: number): string {
  return value < 1
    ? `${Math.round(value * 60)} min`
    : value < 48
      ? `${Math.round(value)} h`
      : `${Math.round(value / 24)} d`;
}
