import { listed, timeOfDay } from "./format.js";

/**
 * The best first; the score is rounded before it is looked up, so that the word fits the number that is shown. As
 * HARMONY_BANDS and LEAST_CONFIDENCE of models/harmony-update.ts, which a test compares.
 */
export const BANDS = [
  { least: 80, words: "in harmony", tone: "good" },
  { least: 60, words: "strained", tone: "warn" },
  { least: 0, words: "out of balance", tone: "bad" },
];
/** Where less than this share is known, the score is a guess. */
export const LEAST_CONFIDENCE = 0.5;
/** What costs less is nothing that anybody has to read of, points. */
export const SMALL_COST = 1;
/** From here on a load is worth a look, %. */
export const HIGH_LOAD = 85;

const SIGNS = { good: "●", warn: "◐", bad: "✖" };

/** @typedef {import("./types.js").HarmonyUpdate} HarmonyUpdate */
/** @typedef {{sign: string, tone: string, words: string}} Look */

export function bandOf(score) {
  const shown = Math.round(score);
  return BANDS.find(({ least }) => shown >= least) ?? BANDS.at(-1);
}

/**
 * One line that is read aloud when it changes: it has no figures, which change each second.
 *
 * @param {HarmonyUpdate} update
 * @returns {Look}
 */
export function lookOf({ score, confidence, systems, costs, firing }) {
  const acting = firing.length > 0 ? "; rules are at work" : "";
  if (!(confidence > 0)) return { sign: "?", tone: "off", words: "nothing is known yet" };
  if (confidence < LEAST_CONFIDENCE)
    return { sign: "?", tone: "off", words: `too little is known: the score is a guess${acting}` };
  const { tone, words } = bandOf(score);
  const most = costs.find(({ cost }) => cost >= SMALL_COST);
  if (!most && tone === "good")
    return { sign: SIGNS.good, tone, words: `${wellWords(systems)}, and in balance${acting}` };
  const why = most ? `${tone === "good" ? "; " : ": "}${most.system} costs most` : "";
  return { sign: SIGNS[tone], tone, words: `${words}${why}${acting}` };
}

const NUMBERS = ["no", "one", "two", "three", "four", "five", "six"];

/** An organism need not have all seven: of what is not there nobody can say that it is well. */
function wellWords(systems) {
  const there = systems.filter(({ present }) => present).length;
  if (there === systems.length) return "the seven systems are well";
  return there === 1 ? "the one system that is there is well" : `the ${NUMBERS[there]} systems that are there are well`;
}

/** @returns {Look} */
export function silentLook() {
  const words = "no news from the rules engine: these figures are old, and no rule acts until it is back";
  return { sign: "◐", tone: "warn", words };
}

/**
 * The score in words, for those who cannot see the ring.
 *
 * @param {HarmonyUpdate} update
 */
export function scoreWords({ score, confidence }) {
  if (!(confidence > 0)) return "Harmony is not known yet";
  const guess = confidence < LEAST_CONFIDENCE ? ", a guess" : "";
  return `Harmony ${Math.round(score)} of 100, ${bandOf(score).words}${guess}, confidence ${wholePercent(confidence)}`;
}

/** Never 100 % while anything is not known. */
export function wholePercent(share) {
  return `${Math.floor(share * 100)}\u00a0%`;
}

/** "−7.2" */
export function pointsWords(points) {
  return `${points < 0 ? "+" : "−"}${Math.abs(points).toFixed(1)}`;
}

/**
 * What a rule did, and what it was good for.
 *
 * @param {import("./types.js").RuleExecution} execution
 */
export function executionWords({ at, actions }) {
  const done = actions.map(({ what, status }) => (status === "failed" ? `failed: ${what}` : what));
  const effects = actions.flatMap(({ effect }) => (effect ? effectWords(effect) : []));
  const all = listed(done, 3) || "nothing was done";
  return `${timeOfDay(at)} ${all}${effects.length > 0 ? `; ${listed(effects, 2)}` : ""}`;
}

function effectWords({ metric, before, after, verdict, rolledBack }) {
  const change = before !== null && after !== null ? `${metric} ${figure(before)} → ${figure(after)}` : metric;
  if (rolledBack) return [`${change} became worse, so it was taken back`];
  if (verdict === "better") return [`${change}, which is better`];
  if (verdict === "worse") return [`${change} became worse`];
  if (verdict === "no change") return [`${metric} did not change`];
  return verdict === "watching" ? [`${metric} is being watched`] : [];
}

function figure(value) {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
}
