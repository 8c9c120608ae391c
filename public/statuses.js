import { el, setAttribute, setText } from "./dom.js";

/**
 * A status is shown by sign, word and tone; the colour alone never carries it. `rank`: the worst comes first.
 *
 * @type {Record<string, {sign: string, tone: string, rank: number}>}
 */
const STATUSES = {
  critical: { sign: "✖", tone: "bad", rank: 0 },
  unhealthy: { sign: "✖", tone: "bad", rank: 0 },
  down: { sign: "✖", tone: "bad", rank: 0 },
  hung: { sign: "✖", tone: "bad", rank: 0 },
  quarantined: { sign: "⊘", tone: "held", rank: 1 },
  timeout: { sign: "◔", tone: "warn", rank: 2 },
  degraded: { sign: "◐", tone: "warn", rank: 3 },
  starting: { sign: "◌", tone: "move", rank: 4 },
  launching: { sign: "◌", tone: "move", rank: 4 },
  waiting: { sign: "◌", tone: "move", rank: 5 },
  stopping: { sign: "○", tone: "off", rank: 6 },
  stopped: { sign: "○", tone: "off", rank: 6 },
  healthy: { sign: "●", tone: "good", rank: 7 },
  up: { sign: "●", tone: "good", rank: 7 },
};
const UNKNOWN = { sign: "?", tone: "off", rank: 6 };

/** The words of a service's status, worst first. */
export const SERVICE_STATUSES = [
  "unhealthy",
  "quarantined",
  "timeout",
  "degraded",
  "starting",
  "waiting",
  "stopped",
  "healthy",
];

export function lookOf(status) {
  return STATUSES[status] ?? UNKNOWN;
}

/** A status mark that is updated in place. */
export function statusMark(className = "status") {
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const word = el("span", { class: "word" });
  const element = el("span", { class: className }, sign, word);
  return {
    element,
    /** @param {string} status @param {string} [text] instead of the status' own word */
    update(status, text = status) {
      const { sign: mark, tone } = lookOf(status);
      setAttribute(element, "data-tone", tone);
      setText(sign, mark);
      setText(word, text);
    },
  };
}
