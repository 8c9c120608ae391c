import type { Shedding } from "../../../../models/lending.ts";
import type { Lever } from "../../../../runtime/rules/levers.ts";

interface Base<K extends string, L extends Lever, V> {
  kind: K;
  /** A target's own name. */
  target: string;
  lever: L;
  value: V;
  rule: string;
  /** Monotonic ms: since when this rule holds it, and when its value was last changed. */
  since: number;
  changed?: number;
  /** Monotonic ms; then it ends whatever the rule says. */
  until?: number | undefined;
  /** Monotonic ms: its rule is not active since then, and it is being given back. */
  ended?: number | undefined;
}

/** Something that rules hold. What nodes are lent ends by itself with the engine; nodes and memory outlive it. */
export type Held =
  | Base<"share", "cpu-share", { percent: number }>
  | Base<"shed", "admission", Pick<Shedding, "priority" | "share">>
  | Base<"throttle", "rate", { rate: number }>
  | Base<"flag", `flag:${string}`, { flag: string; value: boolean | number | string }>
  /** `before`: as many as there were. */
  | Base<"nodes", "instances", { organ: string; before: number; to: number }>
  /** MB; null is Node's own limit. */
  | Base<"memory", "memory", { nodes: { node: string; before: number | null; was: number; to: number }[] }>;

export type Durable = Extract<Held, { kind: "nodes" | "memory" }>;

export const isDurable = (held: Held): held is Durable => held.kind === "nodes" || held.kind === "memory";

/** How a person is told of it. */
function shownValue(held: Held): number | string | boolean {
  switch (held.kind) {
    case "share":
      return held.value.percent;
    case "shed":
      return `${held.value.share} % of ${held.value.priority}`;
    case "throttle":
      return held.value.rate;
    case "flag":
      return held.value.value;
    case "nodes":
      return held.value.to;
    case "memory":
      return held.value.nodes.map(({ node, to }) => `${node}: ${to} MB`).join(", ");
  }
}

/** Something held, as it is shown. */
export interface ShownHeld {
  target: string;
  lever: Lever;
  value: number | string | boolean;
  /** ISO 8601 */
  since: string;
  rule: string;
  /** It is being given back. */
  ending: boolean;
}

/** @param now monotonic, ms @param wall ms since the epoch */
export function shownHeld(held: readonly Held[], now: number, wall: number): ShownHeld[] {
  return held.map((one) => ({
    target: one.target,
    lever: one.lever,
    value: shownValue(one),
    since: new Date(wall - (now - one.since)).toISOString(),
    rule: one.rule,
    ending: one.ended !== undefined,
  }));
}

export interface ShownFlag {
  flag: string;
  value: boolean | number | string;
  target: string;
  rule: string;
}

/** Flags that are set. */
export function flagsOf(held: readonly Held[]): ShownFlag[] {
  return held.flatMap((one) => (one.kind === "flag" ? [{ ...one.value, target: one.target, rule: one.rule }] : []));
}
