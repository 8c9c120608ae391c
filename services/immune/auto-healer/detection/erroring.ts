import { span } from "../figures.ts";
import type { CallWindow } from "./call-window.ts";
import type { Finding } from "./finding.ts";
import type { Limits } from "./limits.ts";

/** Says when too many of a service's calls fail by its own fault. */
export function erroring(
  calls: CallWindow,
  limits: Limits["erroring"],
  now: number,
  error?: string,
): Omit<Finding, "target"> | undefined {
  const { short, shortCalls, shortShare, long, longCalls, longShare } = limits;
  const soon = calls.calls(now - short, now);
  const lately = calls.calls(now - long, now);
  const sudden = soon.count >= shortCalls && soon.errors > shortShare * soon.count;
  const steady = lately.count >= longCalls && lately.errors > longShare * lately.count && soon.errors > 0;
  if (!sudden && !steady) return undefined;
  const [seen, over] = sudden ? [soon, short] : [lately, long];
  const text = error ? ` (\`${error.slice(0, 120)}\`)` : "";
  return {
    failure: "erroring",
    severity: "failure",
    evidence: [`${seen.errors} of ${seen.count} calls failed in ${span(over)}${text}.`],
    lost: seen.errors,
    ...(error ? { error } : {}),
  };
}
