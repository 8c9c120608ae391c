import { el, setAttribute, setText, svg } from "./dom.js";
import { bandOf, LEAST_CONFIDENCE, scoreWords, wholePercent } from "./harmony-words.js";

const CENTRE = 50;
const RADIUS = 44;

/**
 * Harmony in one look: a ring as full as the score is high, in the tone of its band, which the word below says too. It has
 * its place before the first score is there, and nothing in it moves: a smooth ring would be painted all the time.
 */
export function createDial() {
  const circle = (name, length) =>
    svg("circle", {
      class: name,
      cx: CENTRE,
      cy: CENTRE,
      r: RADIUS,
      pathLength: 100,
      "stroke-dasharray": `${length} 100`,
      fill: "none",
    });
  const arc = circle("arc", 0);
  const ring = svg("svg", { viewBox: "0 0 100 100" }, circle("track", 100), arc);
  const number = el("span", { class: "score" }, "–");
  const word = el("span", { class: "word" }, "harmony");
  const confidence = el("span", { class: "known" }, "not known yet");
  const element = el(
    "figure",
    {
      class: "dial",
      role: "img",
      "aria-label": "Harmony is not known yet",
      title: "How well the organism is: health of its seven systems, balance between them, and flow",
      "data-tone": "off",
    },
    el("span", { class: "ring" }, ring, number),
    word,
    confidence,
  );
  return {
    element,
    /**
     * @param {import("./types.js").HarmonyUpdate} update
     * @param {boolean} isOld
     */
    update(update, isOld) {
      const { score, confidence: known } = update;
      const band = bandOf(score);
      const isSure = known >= LEAST_CONFIDENCE && !isOld;
      const isKnown = known > 0;
      const shown = isKnown ? String(Math.round(score)) : "–";
      setAttribute(element, "data-tone", isSure ? band.tone : "off");
      setAttribute(element, "aria-label", `${scoreWords(update)}${isOld ? "; an old figure" : ""}`);
      setAttribute(arc, "stroke-dasharray", `${isKnown ? shown : 0} 100`);
      setText(number, shown);
      if (!isKnown) setText(word, "harmony");
      else setText(word, isOld ? "old figures" : known < LEAST_CONFIDENCE ? "a guess" : band.words);
      setText(confidence, !isKnown ? "not known yet" : `confidence ${wholePercent(known)}`);
    },
  };
}
