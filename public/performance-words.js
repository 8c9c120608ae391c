import { count, listed, milliseconds, percent, shortDuration } from "./format.js";

/** So many of a kind are shown. */
export const SHOWN = 3;
/** Of fewer calls in the last minute nothing can be said. */
export const FEW_CALLS = 10;
/** From here on it is worth a word: share of errors, and p99 of the whole, ms. */
const MANY_ERRORS = 0.05;
const SLOW_MS = 1000;
/** A part of the time that is too small to be named. */
const SMALL_PART = 0.1;
/** Regressions that are older are how it is now, ms. */
const RECENT_MS = 60 * 60_000;

/** @typedef {{sign: string, tone: string, words: string}} Look */

/**
 * The steps of the analyses, and advice on queries where it says more, those that promise most first.
 *
 * @param {import("./types.js").ServiceAnalysis[]} analyses
 * @param {import("./types.js").QueryAdvice[]} advice
 */
export function bestSteps(analyses, advice) {
  const applicable = advice
    .filter((one) => one.applicable)
    .map(({ id, service, what, expectedGain }) => ({
      service,
      what,
      gain: expectedGain,
      command: `azora optimizer apply ${id}`,
    }));
  const own = analyses.flatMap(({ service, nextStep }) => {
    if (!nextStep) return [];
    // "Look at ledger first: azora optimizer analyze ledger"
    const [, what = nextStep.what, command = ""] = /^(.*?):? (azora [^.,;]+)$/.exec(nextStep.what) ?? [];
    return [{ service, what, gain: nextStep.expectedGain, command }];
  });
  const known = new Set(applicable.map(({ service, what }) => `${service}\n${what}`));
  return [...applicable, ...own.filter(({ service, what }) => !known.has(`${service}\n${what}`))]
    .sort((one, other) => other.gain - one.gain)
    .slice(0, SHOWN);
}

/**
 * @param {import("./types.js").PerformanceMetrics} metrics
 * @param {import("./types.js").ServiceAnalysis[]} analyses
 * @returns {Look}
 */
export function lookOf({ organism, services }, analyses) {
  const { calls, refused, errorRate, latency } = organism;
  if (calls + refused === 0) return { sign: "○", tone: "off", words: "no calls in the last minute" };
  const failing = services.filter((one) => one.calls >= FEW_CALLS && one.errorRate > MANY_ERRORS);
  if (refused > 0) {
    const whose = services.filter((one) => one.refused > 0).sort((one, other) => other.refused - one.refused);
    const of = listed(
      whose.map(({ service }) => service),
      3,
    );
    const part = refused / (calls + refused);
    return {
      sign: "◐",
      tone: part > MANY_ERRORS ? "bad" : "warn",
      words: `${refused === 1 ? "1 call" : `${count(refused)} calls`} of ${of} ${refused === 1 ? "was" : "were"} refused in the last minute (${share(part)}), so that the others stay fast`,
    };
  }
  if (failing.length > 0 || errorRate > MANY_ERRORS) {
    const of = failing.map((one) => `${one.service} (${share(one.errorRate)})`);
    return { sign: "✖", tone: "bad", words: `many calls end in an error: ${listed(of, 3) || "of several services"}` };
  }
  const slower = analyses.flatMap(({ service, regressions }) =>
    regressions
      .filter(({ at }) => Date.now() - Date.parse(at) < RECENT_MS)
      .map((regression) => ({ service, ...regression })),
  );
  if (slower.length > 0) {
    const [{ service, before, after, at }] = slower;
    const ago = shortDuration((Date.now() - Date.parse(at)) / 1000);
    const others = slower.length > 1 ? `, and ${slower.length - 1} more` : "";
    return {
      sign: "◐",
      tone: "warn",
      words: `${service} has been slower for ${ago}: ${milliseconds(before)} → ${milliseconds(after)}${others}`,
    };
  }
  if (latency.p99 > SLOW_MS)
    return { sign: "◐", tone: "warn", words: `one call in a hundred takes longer than ${milliseconds(latency.p99)}` };
  return { sign: "●", tone: "good", words: "calls are answered in time, and none is refused" };
}

export function awayLook(why) {
  const words = `the optimizer cannot be asked (${why.replace(/\.$/, "")}); limits and balancing go on without it`;
  return { sign: "◐", tone: "warn", words };
}

/** "waits for ledger 60 %, own work 30 %" */
export function spends({ own, waiting, queueing, database, gc }) {
  const parts = [
    { what: "own work", ms: own },
    ...waiting.map(({ service, time }) => ({ what: `waits for ${service}`, ms: time })),
    { what: "waits for its turn", ms: queueing },
    { what: "database", ms: database },
    { what: "garbage collection", ms: gc },
  ];
  const whole = parts.reduce((sum, { ms }) => sum + ms, 0);
  if (whole === 0) return "";
  return parts
    .filter(({ ms }) => ms / whole >= SMALL_PART)
    .sort((one, other) => other.ms - one.ms)
    .slice(0, SHOWN)
    .map(({ what, ms }) => `${what} ${Math.round((ms / whole) * 100)}\u00a0%`)
    .join(", ");
}

export function share(part) {
  const value = part * 100;
  return value > 0 && value < 0.05 ? "<0.1 %" : value === 0 ? "0 %" : percent(value);
}

export function perSecond(value) {
  return value >= 100
    ? count(Math.round(value))
    : value >= 10 || value === 0
      ? String(Math.round(value))
      : value.toFixed(1);
}
