import { get } from "./api.js";
import { el, setAttribute, setText } from "./dom.js";
import { createDial } from "./harmony-dial.js";
import { createSystems } from "./harmony-systems.js";
import { createTrouble } from "./harmony-trouble.js";
import { lookOf, SMALL_COST, silentLook } from "./harmony-words.js";
import { createStrip } from "./strip.js";

const ENGINE = "symbiotic-rules-engine";
const POLL_MS = 5000;
/** An alert brings several messages at once; it is asked once after them. */
const SOON_MS = 300;
/** The engine tells harmony once a second; silent this long, it is away. */
const SILENT_MS = 5000;
/** What only costs points is worth a place once it has lasted for so long. */
const LASTING_MS = 3000;
/** What there was to say keeps its place for so long after it is over. */
const LINGER_MS = 15_000;
const EXECUTIONS = 20;

/**
 * How well the organism is: the dial in its head, and a strip with the seven systems, what costs most, what rules do about
 * it, and what is wrong.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} head where the dial stands, before all else
 * @param {HTMLElement} link tells the number of alerts in the head of the page, and leads here
 * @param {import("./organism.js").Organism} organism
 * @param {() => boolean} isLive
 */
export function createHarmony(root, head, link, organism, isLive) {
  const { sign, words, facts, heading, fact } = createStrip("harmony", "Harmony");
  const health = fact("health", "of the seven systems, those that matter most weighing most; 0 to 100");
  const balance = fact("balance", "less where one system starves while another idles; 0 to 100");
  const flow = fact("flow", "less where systems wait for each other; 0 to 100");
  const dial = createDial();
  const systems = createSystems();
  const trouble = createTrouble();
  root.append(el("div", { class: "summary" }, heading, facts), systems.element, trouble.element);
  head.prepend(dial.element);
  const anchor = el("a", { class: "status", href: "#harmony" });

  /** @type {import("./types.js").HarmonyUpdate|undefined} */
  let update;
  let cameAt = 0;
  let costlySince = 0;
  let troubledAt = 0;
  /** @type {import("./types.js").HarmonyBest|null} */
  let best = null;
  /** @type {Map<string, {name: string, mode: string}>} */
  let rules = new Map();
  /** @type {import("./types.js").RuleExecution[]} */
  let executions = [];
  /** @type {import("./types.js").Alert[]} */
  let alerts = [];
  /** @type {string|undefined} */
  let known;
  let timer = 0;
  setInterval(() => isLive() && void poll(), POLL_MS);
  setInterval(() => isLive() && !document.hidden && isOld() && draw(), 1000);

  function isOld() {
    return update !== undefined && Date.now() - cameAt > SILENT_MS;
  }

  /** What the stream does not bring. Only what there is something to say about is asked for. */
  async function poll() {
    if (document.hidden || !update || isOld()) return;
    const isActing = update.firing.length > 0;
    const missing = update.firing.some((id) => !rules.has(id));
    const isCostly = update.costs.some(({ cost }) => cost >= SMALL_COST);
    const [all, done, named, explained] = await Promise.all([
      ask("/api/organism/alerts", alerts),
      isActing ? ask(`/api/organism/executions?limit=${EXECUTIONS}`, executions) : executions,
      missing ? ask("/api/organism/rules", undefined) : undefined,
      isCostly ? ask("/api/organism/harmony/explain", { best }) : { best: null },
    ]);
    alerts = all.filter(({ state }) => state === "firing");
    executions = done;
    if (named) rules = new Map(named.map(({ id, name, mode }) => [id, { name, mode }]));
    best = explained.best;
    draw();
  }

  function pollSoon() {
    clearTimeout(timer);
    timer = setTimeout(poll, SOON_MS);
  }

  function draw() {
    dial.element.hidden = organism.records.size > 0 && !organism.records.has(ENGINE);
    if (!update) return;
    root.hidden = false;
    const isSilent = isOld();
    const look = isSilent ? silentLook() : lookOf(update);
    setAttribute(root, "data-tone", look.tone);
    setText(sign, look.sign);
    setText(words, look.words);
    const isKnown = update.confidence > 0;
    setText(health, isKnown ? String(Math.round(update.health)) : "–");
    setText(balance, isKnown ? String(Math.round(update.balance)) : "–");
    setText(flow, isKnown ? String(Math.round(update.flow)) : "–");
    dial.update(update, isSilent);
    systems.update(update.systems);
    const now = Date.now();
    const said = trouble.update(update, best, rules, executions, alerts);
    if (said === "nothing") costlySince = 0;
    else costlySince ||= now;
    if (said === "much" || (said === "costs" && now - costlySince >= LASTING_MS)) troubledAt = now;
    trouble.element.hidden = now - troubledAt > LINGER_MS;
    drawLink();
  }

  function drawLink() {
    const loud = alerts.filter(({ acknowledged, silenced }) => acknowledged === null && silenced === null);
    if (loud.length === 0) return anchor.remove();
    setAttribute(anchor, "data-tone", loud.some(({ severity }) => severity === "critical") ? "bad" : "warn");
    setText(anchor, loud.length === 1 ? "1 alert" : `${loud.length} alerts`);
    if (!anchor.isConnected) link.append(anchor);
  }

  return {
    draw,
    pollSoon,
    /** @param {import("./types.js").HarmonyUpdate} told a message of the stream */
    take(told) {
      update = told;
      cameAt = Date.now();
      const firing = told.firing.join("\n");
      if (firing !== known) pollSoon();
      known = firing;
    },
  };
}

/** What cannot be had is as it was. */
function ask(path, otherwise) {
  return get(path).catch(() => otherwise);
}
