import type { Decided } from "../../../runtime/record/decision.ts";
import type { KeeperContext } from "./keeper-context.ts";

/** Kills a process that is ill, once that is on record; not one that has taken its place meanwhile. */
export function killOnRecord(
  { fleet, healing }: KeeperContext,
  key: string,
  why: Pick<Decided, "target" | "failure" | "reason">,
): void {
  const member = fleet.get(key);
  const recorded = healing.onRecord({ id: key, action: "kill-process", attempt: 0, ...why });
  if (!recorded) fleet.kill(key);
  else void recorded.then(() => fleet.get(key) === member && fleet.kill(key));
}
