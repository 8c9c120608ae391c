import type { Metric } from "../../models/metrics.ts";
import type { ActionType, RuleAction } from "../../models/rules.ts";

/** What of a target an action moves. Two actions that move one lever of one target opposite ways are a conflict. */
export type Lever =
  | "cpu-share"
  | "memory"
  | "instances"
  | "admission"
  | "rate"
  | "life"
  | "cache"
  | `flag:${string}`
  | "none";

export interface Push {
  lever: Lever;
  /** 1 gives the target more, -1 takes from it, 0 sets it to something. */
  direction: 1 | -1 | 0;
  /** Metrics of the target's system that it moves, and which way: used to find rules that undo their own condition. */
  moves: Partial<Record<Metric, 1 | -1>>;
}

type Pushes = (parameters: Record<string, unknown>) => Push[];

/** The sign of a number; 0 for what is none. */
function sign(value: unknown): 1 | -1 | 0 {
  return typeof value === "number" && value !== 0 && !Number.isNaN(value) ? (value > 0 ? 1 : -1) : 0;
}

/** `moves` of an act that gives, turned round for one that takes. */
function turned(moves: Partial<Record<Metric, 1 | -1>>, direction: 1 | -1 | 0): Partial<Record<Metric, 1 | -1>> {
  return Object.fromEntries(Object.entries(moves).map(([metric, way]) => [metric, (way * (direction || 1)) as 1 | -1]));
}

function resource(lever: Lever, percent: unknown, moves: Partial<Record<Metric, 1 | -1>>): Push[] {
  const direction = sign(percent);
  return direction === 0 ? [] : [{ lever, direction, moves: turned(moves, direction) }];
}

const PUSHES: Record<ActionType, Pushes> = {
  adjustResourceAllocation: ({ increaseCpu, increaseMemory }) => [
    ...resource("cpu-share", increaseCpu, {
      load: -1,
      queueDepth: -1,
      latencyP95: -1,
      saturation: -1,
      refusalRate: -1,
    }),
    ...resource("memory", increaseMemory, { memoryUsage: -1, load: -1 }),
  ],
  scaleService: (parameters) => scale(parameters),
  scaleSystem: (parameters) => scale(parameters),
  heal: () => [{ lever: "life", direction: 0, moves: { restarts: 1, healthyRatio: 1, errorRate: -1 } }],
  shed: () => [
    { lever: "admission", direction: -1, moves: { load: -1, queueDepth: -1, requestRate: -1, latencyP95: -1 } },
  ],
  throttle: () => [{ lever: "rate", direction: -1, moves: { load: -1, requestRate: -1, cpu: -1 } }],
  setFlag: ({ flag, value }) => [
    { lever: `flag:${String(flag)}`, direction: value === true ? 1 : value === false ? -1 : 0, moves: {} },
  ],
  clearCache: () => [{ lever: "cache", direction: 0, moves: { memoryUsage: -1, latencyP50: 1 } }],
  alert: () => [],
};

/** `by` is how many nodes more (or fewer); `to` how many there are to be, which goes no known way. */
function scale({ by, to }: Record<string, unknown>): Push[] {
  const direction = to === undefined ? sign(by ?? 1) : 0;
  return [
    {
      lever: "instances",
      direction,
      moves:
        direction === 0
          ? {}
          : turned({ load: -1, cpu: -1, queueDepth: -1, saturation: -1, refusalRate: -1 }, direction),
    },
  ];
}

/** What an action moves, and which way. */
export function pushesOf({ type, parameters = {} }: Pick<RuleAction, "type" | "parameters">): Push[] {
  return PUSHES[type](parameters);
}
