import { el, setAttribute, setText } from "./dom.js";
import { moment } from "./format.js";
import { actionName, actWords, healingWords, targetName, wasQuarantined } from "./healing-words.js";

/** Acts of one case that are kept; the newest. */
const ACTS = 20;
/** Trials are all alike; so many of them tell. */
const TRIALS = 5;

/** @typedef {import("./types.js").HealingRecord} HealingRecord */

/**
 * Acts with the same key are one entry. Trials of what stays in quarantine are one entry too, however many there are.
 *
 * @param {HealingRecord} record
 */
export function keyOfCase(record) {
  const { target, case: id, at, success } = record;
  const who = `${target.service ?? ""}@${target.node ?? ""}`;
  if (wasQuarantined(record) && !success) return `trials ${who}`;
  return id ? `case ${id}` : `${who} ${at}`;
}

/**
 * The acts of a case in their order, with one more.
 *
 * @param {readonly HealingRecord[]} acts
 * @param {HealingRecord} record
 */
export function withAct(acts, record) {
  if (acts.some(({ id }) => id === record.id)) return acts;
  return [...acts, record].sort(inOrder).slice(-ACTS);
}

/** An attempt and the quarantine that follows from it end in the same millisecond. */
function inOrder(a, b) {
  const last = ({ action }) => (action === "quarantine" ? 1 : 0);
  return endOf(a) - endOf(b) || a.attempt - b.attempt || last(a) - last(b);
}

export function endOf({ at, duration }) {
  return Date.parse(at) + duration;
}

let number = 0;

/** A healing event: one sentence, and behind it why. */
export function createHealingEntry() {
  const id = `case-${number++}`;
  const time = el("time");
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const words = el("button", { type: "button", class: "words", "aria-expanded": "false", "aria-controls": id });
  const why = el("div", { class: "case", id, hidden: true, "aria-live": "off" });
  const element = el("li", { "data-kind": "healing" }, time, sign, words, why);
  /** @type {readonly HealingRecord[]} */
  let acts = [];
  /** @type {readonly HealingRecord[]} */
  let drawn = [];
  words.addEventListener("click", () => {
    why.hidden = !why.hidden;
    setAttribute(words, "aria-expanded", !why.hidden);
    draw();
  });

  function draw() {
    if (why.hidden || drawn === acts) return;
    drawn = acts;
    why.replaceChildren(...describe(acts));
  }

  return {
    element,
    /** @param {{at: number, tone: string, acts: readonly HealingRecord[]}} entry */
    update(entry) {
      acts = entry.acts;
      const iso = new Date(entry.at).toISOString();
      const { action } = acts.at(-1);
      setAttribute(time, "datetime", iso);
      setText(time, moment(iso));
      setText(sign, entry.tone === "good" ? "✚" : action === "quarantine" ? "⊘" : "✖");
      setText(words, healingWords(acts.at(-1)));
      setAttribute(element, "data-tone", entry.tone);
      draw();
    },
  };
}

/** What was seen, what was done, what was chosen and why, and why nothing else. */
function describe(acts) {
  const last = acts.at(-1);
  const { target, observed, decision, lost } = last;
  const evidence = last.evidence ?? [observed.before || "nothing before it"];
  const rows = [
    row("seen", list(evidence)),
    row("done", el("ol", {}, ...telling(acts).map(act))),
    ...(decision ? [row("chosen", `${actionName(decision.chosen)}: ${decision.why}`)] : []),
    ...(decision?.alternatives.length > 0
      ? [row("not", list(decision.alternatives.map(({ action, why }) => `${actionName(action)}: ${why}`)))]
      : []),
    row("then", `${observed.after || "nothing was seen"}${lost ? `; ${lost} of its calls were lost` : ""}`),
  ];
  const name = target.service;
  const to = name
    ? [
        el(
          "p",
          {},
          el("a", { href: `#service=${encodeURIComponent(name)}` }, `Details of ${targetName({ service: name })}`),
        ),
      ]
    : [];
  return [el("dl", { class: "list" }, ...rows), ...to];
}

/** What stays in quarantine goes back into it after each trial, which says nothing new. */
function telling(acts) {
  const trials = acts.filter(({ action }) => action === "trial");
  return wasQuarantined(acts.at(-1)) && trials.length > 0 ? trials.slice(-TRIALS) : acts;
}

function row(title, content) {
  return el("div", {}, el("dt", {}, title), el("dd", {}, content));
}

function list(sentences) {
  return el("ul", {}, ...sentences.map((sentence) => el("li", {}, sentence)));
}

function act(record) {
  const tone = record.success ? "good" : "bad";
  return el(
    "li",
    { "data-tone": tone },
    el("span", { class: "sign", "aria-hidden": "true" }, record.success ? "✚" : "✖"),
    el("span", {}, el("time", {}, moment(new Date(endOf(record)).toISOString())), ` ${actWords(record)}`),
  );
}
