import type { RuleConflict } from "../../../models/replay-report.ts";
import type { RuleWhy } from "../../../models/rule-results.ts";
import type { PlacedFault, RuleView } from "../../../models/rule-view.ts";
import type { RuleFault } from "../../../models/rules.ts";
import { timeText } from "../../../runtime/rules/comparison-text.ts";
import { paint, type Style } from "../../paint.ts";
import { moment } from "../optimizer/figures.ts";

export const MOUNT = "/api/organism";

export function rulePath(id: string, what = ""): string {
  return `${MOUNT}/rules/${encodeURIComponent(id)}${what}`;
}

/** Whether it acts, only says so, or neither; the word stays, so that colour alone never carries the meaning. */
export function stateText({ faults, ...rule }: RuleView): string {
  // What runs is its last version without faults, so how that one stands is said too.
  return faults.length > 0 ? `${runsText(rule)} ${paint("red", "(faulty)")}` : runsText(rule);
}

function runsText({ enabled, expires, mode, active }: Omit<RuleView, "faults">): string {
  if (!enabled) return paint("gray", "disabled");
  if (expires !== null && Date.parse(expires) <= Date.now()) return paint("gray", "expired");
  if (active) return paint("yellow", mode === "shadow" ? "active (shadow)" : "active");
  return mode === "shadow" ? paint("cyan", "shadow") : paint("green", "on");
}

const TRUTHS: Record<string, Style> = { true: "green", false: "dim", unknown: "yellow" };

export function whyText({ rule, at, result, activeSince, why, conditions, cooldownLeft }: RuleWhy): string {
  const width = Math.max(0, ...conditions.map(({ truth }) => truth.length));
  return [
    `${paint("bold", rule)}  ${stateAt(at, result, activeSince ?? null)}`,
    `  ${why}`,
    ...conditions.map(
      ({ text, truth, read }) => `  ${paint(TRUTHS[truth] ?? "dim", truth.padEnd(width))}  ${text}${readText(read)}`,
    ),
    ...(cooldownLeft > 0 ? [paint("dim", `  may fire again in ${Math.ceil(cooldownLeft / 1000)} s`)] : []),
  ].join("\n");
}

/** A rule that is active fires once in its cooldown: that it does not at this moment says nothing of it. */
function stateAt(at: string, result: RuleWhy["result"], activeSince: string | null): string {
  if (activeSince === null) return result === "did not fire" ? result : paint("yellow", result);
  const long = timeText(Math.max(0, Date.parse(at) - Date.parse(activeSince)));
  return paint("yellow", `active since ${moment(activeSince)} UTC, for ${long}`);
}

function readText(read: RuleWhy["conditions"][number]["read"]): string {
  const each = read.map(({ value, age }) => {
    const is = value === null ? "unknown" : String(Math.round(value * 100) / 100);
    return age === null ? is : `${is}, ${(age / 1000).toFixed(1)} s old`;
  });
  return each.length > 0 ? paint("dim", `  (${each.join("; ")})`) : "";
}

export function faultLines(faults: readonly PlacedFault[]): string[] {
  return faults.map(({ file, rule, detail }) => {
    const where = [file ?? "", rule].filter((one) => one !== "").join(", ");
    return `  ${paint("red", "fault")}  ${where === "" ? "" : `${where}: `}${detail}`;
  });
}

export function warningLines(warnings: readonly RuleFault[] = []): string[] {
  return warnings.map(({ rule, detail }) => `  ${paint("yellow", "warning")}  ${rule}: ${detail}`);
}

export function conflictLines(conflicts: readonly RuleConflict[]): string[] {
  return conflicts.map(({ kind, rules, why }) => `  ${paint("yellow", kind)}  ${paint("bold", listed(rules))}: ${why}`);
}

/** `a`, `a and b`, `a, b and c` */
function listed(names: readonly string[]): string {
  return names.length < 3 ? names.join(" and ") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
