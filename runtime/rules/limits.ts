/** What rules may be at most. A rule beyond these is a fault, never cut short in silence. */
export const MOST_RULES = 10_000;
/** `all`, `any` and `not` inside each other. */
export const DEEPEST_CONDITION = 8;
/** Comparisons of one rule. */
export const MOST_COMPARISONS = 100;
/** Comparisons of all rules together: some 1 KB each while they are compiled. */
export const MOST_COMPARISONS_IN_ALL = 100_000;
export const MOST_ACTIONS = 20;
/** Characters. */
export const LONGEST_ID = 64;
export const LONGEST_NAME = 200;
export const LONGEST_TEXT = 1000;
/** Faults told of one list of rules. */
export const MOST_FAULTS = 1000;

/** ms */
export const SHORTEST_COOLDOWN = 1000;
export const DEFAULT_COOLDOWN = 60_000;
export const LONGEST_TIME = 7 * 24 * 3_600_000;

/** Stretch over which a rate is measured, ms. */
export const SHORTEST_STRETCH = 1000;
export const DEFAULT_STRETCH = 60_000;
export const LONGEST_STRETCH = 3_600_000;

export const DEFAULT_PRIORITY = 500;
export const PRIORITIES = { critical: 900, high: 700, medium: 500, low: 300 } as const;

/** Firings of one tick; what is beyond is fired at the next one, before the others. */
export const MOST_FIRINGS = 1000;

/** What a service publishes of itself lies between this and its negative; beyond it is absurd, and so unknown. */
export const FARTHEST_OWN = 1e15;
