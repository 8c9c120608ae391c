import { el } from "./dom.js";

/**
 * The parts of a strip, which tells how something is in one line, with a few figures beside it.
 *
 * @param {string} name of the strip, for its heading's id
 * @param {string} title
 */
export function createStrip(name, title) {
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const words = el("span", { class: "words" });
  const line = el("p", { class: "why", role: "status" }, sign, words);
  const facts = el("dl", { class: "facts" });
  const heading = el("div", {}, el("h2", { id: `${name}-title` }, title), line);
  /** @param {string} term @param {string} hint */
  const fact = (term, hint) => {
    const value = el("dd", {}, "–");
    facts.append(el("div", { title: hint }, el("dt", {}, term), value));
    return value;
  };
  return { sign, words, facts, heading, fact };
}
