/** What is measured of the organism and its seven systems. */

export const SYSTEMS = ["brain", "heart", "lungs", "stomach", "muscles", "immune", "nervous"] as const;

export type System = (typeof SYSTEMS)[number];

/** What is measured of each system, from the vitals of its nodes. A name in per cent runs from 0 to 100. */
export const METRICS = {
  load: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description:
      "The busiest of cpu, event loop, memory and places in use; 100 where a fifth of the calls or more is refused.",
  },
  cpu: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Share of one core that each node uses, mean of the nodes.",
  },
  memoryUsage: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Heap in use of what it may grow to, the worst node.",
  },
  eventLoopDelay: {
    unit: "ms",
    min: 0,
    max: 60_000,
    bad: "high",
    description: "99th percentile of the delay, the worst node.",
  },
  requestRate: { unit: "calls/s", min: 0, max: 1e9, bad: "none", description: "Calls that ended." },
  errorRate: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Share of the calls that failed by the service's own fault.",
  },
  latencyP50: { unit: "ms", min: 0, max: 2_200_000, bad: "high", description: "Median of the calls." },
  latencyP95: { unit: "ms", min: 0, max: 2_200_000, bad: "high", description: "95th percentile of the calls." },
  queueDepth: { unit: "calls", min: 0, max: 1e9, bad: "high", description: "Calls that wait for their turn." },
  concurrency: { unit: "calls", min: 0, max: 1e9, bad: "none", description: "Calls that are carried out." },
  healthyRatio: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "low",
    description: "Share of the system's services that are healthy; degraded ones count half.",
  },
  restarts: {
    unit: "per 10 min",
    min: 0,
    max: 1e6,
    bad: "high",
    description: "Restarts of services and nodes; what restarts within ten seconds of each other counts once.",
  },
  saturation: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description: "Places in use of those that limits allow; 100 where a fifth of the calls or more is refused.",
  },
  refusalRate: {
    unit: "%",
    min: 0,
    max: 100,
    bad: "high",
    description:
      "Share of the calls that were refused since there was too much to do; what rules refuse is not counted.",
  },
} as const;

export type Metric = keyof typeof METRICS;

/** Of the organism as a whole; the system is `organism`. */
export const ORGANISM_METRICS = {
  harmony: { unit: "points", min: 0, max: 100, bad: "low", description: "How well the organism is." },
  confidence: { unit: "", min: 0, max: 1, bad: "low", description: "Share of what harmony is made of that is known." },
} as const;

export const ORGANISM = "organism";

/** Where a condition may look. */
export type RuleSystem = System | typeof ORGANISM;
