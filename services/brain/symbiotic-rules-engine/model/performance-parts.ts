import { METRICS } from "../../../../models/metrics.ts";
import { areCounts, isFields, isName, MOST_CALLS } from "./plausible.ts";

/** 10^9 calls of an hour each. */
const MOST_TIME_US = 3.6e18;

/** What is used of a `PathReport`. */
export interface Path {
  caller: string;
  service: string;
  action: string;
  node: string;
  calls: number;
  failures: number;
  sum: number;
}

/** What is used of a `ServedReport`. */
export interface Served {
  service: string;
  action: string;
  calls: number;
  sum: number;
  running: number;
  waiting: number;
  limit: number | null;
  refused: { limit: number; overload: number; late: number };
}

export function isPath(part: unknown): part is Path {
  return (
    isFields(part) &&
    ["caller", "service", "action", "node"].every((field) => isName(part[field])) &&
    areCounts(part, MOST_CALLS, "calls", "failures") &&
    areCounts(part, MOST_TIME_US, "sum")
  );
}

export function isServed(part: unknown): part is Served {
  return (
    isFields(part) &&
    isName(part["service"]) &&
    isName(part["action"]) &&
    areCounts(part, MOST_CALLS, "calls") &&
    areCounts(part, MOST_TIME_US, "sum") &&
    areCounts(part, METRICS.queueDepth.max, "running", "waiting") &&
    (part["limit"] === null || areCounts(part, METRICS.concurrency.max, "limit")) &&
    isFields(part["refused"]) &&
    areCounts(part["refused"], MOST_CALLS, "limit", "overload", "late")
  );
}
