import { isEventPattern } from "./audited.ts";
import type { CaptureRule } from "./capture-rules.ts";
import { GRADES, type Grade } from "./record.ts";

/** One member of `AZORA_CHAIN_EVENTS`: `order.**` or `page.seen=best-effort`. */
export function isCapturedEvent(text: string): boolean {
  const [event, grade, more] = text.split("=");
  return isEventPattern(event) && more === undefined && (grade === undefined || GRADES.includes(grade as Grade));
}

/** The rules of `AZORA_CHAIN_EVENTS`; durable where nothing else is said. */
export function configuredRules(setting: string): CaptureRule[] {
  return setting
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => {
      const [event, grade = "durable"] = one.split("=") as [string, Grade?];
      return { event, grade };
    });
}
