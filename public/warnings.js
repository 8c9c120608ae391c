import { get } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { breakerEffect, breakerWords, forecastWords, targetName } from "./healing-words.js";

const POLL_MS = 5000;
/** What is healed brings several events at once; it is asked once after them. */
const SOON_MS = 300;
/** Lines of one kind. */
const MOST = 40;
/** What is over stays in sight for so long: what comes and goes does not make the page jump. */
const LINGER_MS = 15_000;

/** @typedef {{key: string, tone: string, sign: string, words: string, more: string[]}} Line */

/**
 * What will break, what fails calls now, and which circuits are open. It is there only while there is something to say.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} link tells their number in the head of the page, and leads there
 * @param {import("./organism.js").Organism} organism
 * @param {() => boolean} isLive
 */
export function createWarnings(root, link, organism, isLive) {
  const note = el("p", { class: "note" });
  const list = el("ul", { class: "warnings" });
  const scroll = el(
    "div",
    { class: "scroll warnings-scroll", tabindex: "0", role: "region", "aria-labelledby": "warnings-title" },
    list,
  );
  root.append(el("div", { class: "head" }, el("h2", { id: "warnings-title" }, "Warnings"), note), scroll);
  const anchor = el("a", { class: "status", href: "#warnings" });
  /** @type {import("./types.js").Forecasts} */
  let forecasts = { predictive: "", warnings: [], failures: [] };
  let away = "";
  let timer = 0;
  /** @type {Map<string, {line: Line, seen: number}>} */
  const shown = new Map();
  setInterval(() => isLive() && void poll(), POLL_MS);

  async function poll() {
    if (document.hidden) return;
    try {
      forecasts = await get("/orchestrator/heal/forecasts");
      away = "";
    } catch (error) {
      if (error.status !== 503) return;
      forecasts = { predictive: "", warnings: [], failures: [] };
      away = "the healer is away: nothing is foreseen";
    }
    draw();
  }

  function draw() {
    const breakers = organism.status?.breakers ?? [];
    const { failures, warnings, predictive } = forecasts;
    const lines = unique([
      ...failures.slice(0, MOST).map((one) => forecastLine(one, predictive)),
      ...warnings.slice(0, MOST).map((one) => forecastLine(one, predictive)),
      ...breakers.slice(0, MOST).map(breakerLine),
    ]);
    const number = failures.length + warnings.length + breakers.length;
    const left = number - lines.length;
    const kept = lingering(lines);
    root.hidden = kept.length === 0;
    setText(note, [left > 0 ? `${left} more are not shown` : "", away].filter(Boolean).join("; "));
    reconcile(list, kept, ({ key }) => key, createLine);
    drawLink(number, lines.some(({ tone }) => tone === "bad") ? "bad" : "warn");
  }

  /** These lines, and before long those that were there, each at its place. */
  function lingering(lines) {
    const now = Date.now();
    for (const line of lines) shown.set(line.key, { line, seen: now });
    for (const [key, { seen }] of shown) if (now - seen > LINGER_MS) shown.delete(key);
    return [...shown.values()].map(({ line, seen }) => (seen === now ? line : over(line)));
  }

  function drawLink(number, tone) {
    if (number === 0) return anchor.remove();
    setAttribute(anchor, "data-tone", tone);
    setText(anchor, number === 1 ? "1 warning" : `${number} warnings`);
    if (!anchor.isConnected) link.append(anchor);
  }

  return {
    draw,
    poll,
    pollSoon() {
      clearTimeout(timer);
      timer = setTimeout(poll, SOON_MS);
    },
  };
}

/** @returns {Line} */
function forecastLine(forecast, predictive) {
  const { failure, target, severity, evidence } = forecast;
  const isWarning = severity === "warning";
  const acts = `Whether it is healed before it breaks, AZORA_HEALING_PREDICTIVE says: ${predictive}.`;
  return {
    key: `${severity} ${failure} ${targetName(target)}`,
    tone: isWarning ? "warn" : "bad",
    sign: isWarning ? "◔" : "✖",
    words: forecastWords(forecast),
    more: isWarning ? [...evidence, acts] : evidence,
  };
}

/** @returns {Line} */
function breakerLine(breaker) {
  const { caller, callee, node, state } = breaker;
  return {
    key: `${caller} → ${callee} on ${node}`,
    tone: state === "open" ? "bad" : "move",
    sign: state === "open" ? "⊘" : "◌",
    words: breakerWords(breaker),
    more: [breakerEffect(breaker)],
  };
}

/** @param {Line} line @returns {Line} */
function over(line) {
  return { ...line, tone: "off", sign: "○", words: `no longer: ${line.words}` };
}

/** Two resources of one node may run out at once. */
function unique(lines) {
  const seen = new Map();
  return lines.map((line) => {
    const times = (seen.get(line.key) ?? 0) + 1;
    seen.set(line.key, times);
    return { ...line, key: `${times} ${line.key}` };
  });
}

function createLine() {
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const words = el("span", { class: "words" });
  const more = el("ul");
  const element = el("li", {}, el("details", {}, el("summary", {}, sign, words), more));
  return {
    element,
    /** @param {Line} line */
    update({ tone, sign: mark, words: text, more: sentences }) {
      setAttribute(element, "data-tone", tone);
      setText(sign, mark);
      setText(words, text);
      const numbered = sentences.map((sentence, index) => ({ sentence, index }));
      reconcile(more, numbered, ({ index }) => `${index}`, createSentence);
    },
  };
}

function createSentence() {
  const element = el("li");
  return { element, update: ({ sentence }) => setText(element, sentence) };
}
