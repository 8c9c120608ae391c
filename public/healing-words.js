import { milliseconds, roughly, timeOfDay } from "./format.js";

/** What a failure was, is, and looks like before it breaks. */
const FAILURES = {
  crashed: { was: "crashed", is: "has crashed" },
  hung: { was: "hung", is: "hangs" },
  unreachable: { was: "could not be reached", is: "cannot be reached" },
  slow: { was: "was slow", is: "is slow", soon: "is becoming slow", breaks: "too slow" },
  erroring: { was: "failed calls", is: "fails calls" },
  leaking: { was: "was leaking memory", is: "is leaking", breaks: "out of memory" },
  "dependency down": { was: "lost what it depends on", is: "lacks what it depends on" },
  flapping: { was: "kept failing again", is: "keeps failing again" },
  "resource exhausted": { was: "had all but run out of a resource", is: "has all but run out of a resource" },
  unhealthy: { was: "was unhealthy", is: "is unhealthy" },
  "start failed": { was: "failed to start", is: "fails to start" },
  "start timeout": { was: "did not start in time", is: "does not start in time" },
};

/** Actions of the ladder and of the healer; those of services and plug-ins have only their own names. */
const ACTIONS = {
  "restart-process": "restart of its process",
  "restart-in-place": "restart in its process",
  start: "start",
  "graceful-restart": "graceful restart",
  "dependency-restart": "restart after its dependencies",
  quarantine: "quarantine",
  trial: "trial out of quarantine",
  wait: "waiting for the cause to go",
  restart: "restart",
  "scale-up": "one more node",
  "scale-down": "one node less",
  reconnect: "reconnecting",
  "clear-cache": "clearing its cache",
  failover: "failover",
  "resource-adjust": "adjusting its resources",
  none: "nothing",
};
const BY = { healer: "by the healer", operator: "asked for by the operator" };

export function actionName(action) {
  return ACTIONS[action] ?? action;
}

/** The ladder acts where nobody is named. */
export function byWhom(by) {
  return BY[by] ?? "";
}

/** @param {import("./types.js").HealingTarget} target */
export function targetName({ service, node }) {
  if (!service) return node ?? "something";
  return node && !node.startsWith("program:") ? `${service} on ${node}` : service;
}

/** True of an act about something that was in quarantine already. */
export function wasQuarantined({ observed }) {
  return observed.before.startsWith("quarantined");
}

/**
 * "heart-1 crashed; its process was started again and carries all its services after 341 ms"
 *
 * @param {import("./types.js").HealingRecord} record
 */
export function healingWords(record) {
  const { target, failure, action, attempt, success, duration, reason, by } = record;
  const who = targetName(target);
  const took = milliseconds(duration);
  if (failure === "none") {
    const told = bare(reason.replace(/^it was asked for; /, ""));
    const asked = `${who}: ${actionName(action)}${by === "operator" ? " was asked for" : ""}`;
    return success ? `${asked}; it helped after ${took}: ${told}` : `${asked}; it did not help within ${took}: ${told}`;
  }
  if (wasQuarantined(record)) {
    if (success) return `${who} was tried again and is out of quarantine; ${reason}`;
    return `${who} was tried again and stays in quarantine: ${reason}`;
  }
  const what = `${who} ${FAILURES[failure]?.was ?? failure}`;
  if (action === "quarantine") return `${what} and went into quarantine: ${reason}`;
  const tries = attempt > 1 ? ` (attempt ${attempt})` : "";
  if (success) return `${what}; ${reason} after ${took}${tries}`;
  return `${what}; ${actionName(action)} did not help within ${took}${tries}: ${reason}`;
}

/** One act in the list of a case. */
export function actWords({ action, attempt, success, duration, reason, by }) {
  const tries = attempt > 1 && action !== "trial" ? ` (attempt ${attempt})` : "";
  const whom = byWhom(by);
  const name = `${actionName(action)}${tries}${whom ? `, ${whom},` : ""}`;
  if (action === "quarantine") return `${name}: ${reason}`;
  return `${name} ${success ? "helped" : "did not help"} after ${milliseconds(duration)}: ${reason}`;
}

/**
 * "heart-1 is leaking: out of memory in about 6 min"
 *
 * @param {import("./types.js").Forecast} forecast
 */
export function forecastWords({ failure, target, severity, secondsLeft }) {
  const { is, soon, breaks = "it breaks" } = FAILURES[failure] ?? { is: `is ${failure}` };
  const what = `${targetName(target)} ${severity === "warning" ? (soon ?? is) : is}`;
  return secondsLeft === undefined ? what : `${what}: ${breaks} in about ${roughly(secondsLeft)}`;
}

/**
 * "shop → ledger.add on heart-1: open, 3 failures in a row: it timed out"
 *
 * @param {import("./types.js").Breaker} breaker
 */
export function breakerWords({ caller, callee, node, state, failures, reason }) {
  const number = failures === 1 ? "1 failure" : `${failures} failures in a row`;
  return `${caller} → ${callee} on ${node}: ${state}, ${number}${reason ? `: ${reason}` : ""}`;
}

/** What a breaker's state means for its caller. */
export function breakerEffect({ state, since }) {
  const from = timeOfDay(new Date(since).toISOString());
  return state === "open"
    ? `Calls are refused at once since ${from}, until a probe is due.`
    : `One call goes as a probe since ${from}; its answer closes the circuit.`;
}

function bare(text) {
  return text.replace(/[.;]+$/, "");
}
