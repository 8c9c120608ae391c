import type { Context } from "moleculer";

/** Who is refused last comes first. */
export const PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * By how much longer than a call of medium priority one may wait while there is too much to do. A critical call is refused
 * only where there is no room at all.
 */
export const PATIENCE: Record<Priority, number> = { critical: Number.POSITIVE_INFINITY, high: 4, medium: 1, low: 0.5 };

interface ActionDefinition {
  priority?: unknown;
  service: { metadata?: { priority?: unknown; launchPhase?: unknown } };
}

const isPriority = (value: unknown): value is Priority => PRIORITIES.includes(value as Priority);

/** What the action says, else its service; the systems that run the organism are critical to it. */
export function priorityOfAction({ priority, service }: ActionDefinition): Priority {
  if (isPriority(priority)) return priority;
  if (service.metadata?.launchPhase === 0) return "critical";
  return isPriority(service.metadata?.priority) ? service.metadata.priority : "medium";
}

/** `meta.$priority` of a call goes with everything that is called on its behalf. */
export function priorityOf(ctx: Context, ofAction: Priority): Priority {
  const { $priority } = ctx.meta as { $priority?: unknown };
  return $priority !== undefined && isPriority($priority) ? $priority : ofAction;
}
