import type { System } from "../../../models/metrics.ts";
import type { CompleteRule, RuleAction } from "../../../models/rules.ts";

/** Where a service is at home. */
export interface Residence {
  organ: System;
  /** More nodes of the organ carry it, too. */
  isScalable: boolean;
  /** What all nodes that carry it are given, all nodes of the organ are. */
  isOnAllNodes: boolean;
}

/** By names and aliases. */
export type Residences = ReadonlyMap<string, Residence>;

/**
 * Rules whose acts on a single service are those on its organ, where that is the same: nodes are the organ's, whichever of its
 * services is named, and so is what a process is given. What is shed or throttled of one service is not.
 */
export function onOrgans(rules: readonly CompleteRule[], residences: Residences): CompleteRule[] {
  return rules.map((rule) => ({ ...rule, actions: rule.actions.map((action) => onOrgan(action, residences)) }));
}

function onOrgan(action: RuleAction, residences: Residences): RuleAction {
  const home = residences.get(action.target);
  if (!home) return action;
  const { organ, isScalable, isOnAllNodes } = home;
  const isScaled = action.type === "scaleService" || action.type === "scaleSystem";
  const isOrgans = isScaled ? isScalable : action.type === "adjustResourceAllocation" && isOnAllNodes;
  return isOrgans ? { ...action, target: organ } : action;
}
