import { get } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { eventTone, eventWords } from "./event-words.js";
import { moment } from "./format.js";
import { createHealingEntry, endOf, keyOfCase, withAct } from "./healing-entry.js";

const KEPT = 200;
/** Events of one kind on one node this close to each other are one entry, ms. */
const TOGETHER_MS = 3000;
const HISTORY = 50;

/**
 * @typedef {{id: string, kind: "healing"|"service"|"connection", at: number, tone: string, words: string}} Shown
 * @typedef {{id: string, kind: "healing", at: number, tone: string, acts: readonly import("./types.js").HealingRecord[]}} HealingEntry
 * @typedef {Shown & {event: string, node: string, names: string[], keys: Set<string>, tookMs?: number}} ServiceEntry
 */

/**
 * What happened, newest first, each in one sentence.
 *
 * @param {HTMLElement} root
 */
export function createEvents(root) {
  const only = el("input", { type: "checkbox", id: "healing-only", onchange: () => draw() });
  const note = el("p", { class: "note" });
  const list = el("ol");
  const scroll = el("div", { class: "events", role: "log", "aria-labelledby": "events-title", tabindex: "0" }, list);
  const empty = el(
    "p",
    { class: "empty" },
    "Nothing has happened since this page was opened, and nothing had to be healed.",
  );
  root.append(
    el(
      "div",
      { class: "head" },
      el("h2", { id: "events-title" }, "Events"),
      note,
      el("label", { for: "healing-only" }, only, " healing only"),
    ),
    empty,
    scroll,
  );
  /** @type {(HealingEntry|ServiceEntry|Shown)[]} newest first */
  let entries = [];
  let number = 0;

  function add(entry) {
    const index = entries.findIndex(({ at }) => at <= entry.at);
    entries.splice(index < 0 ? entries.length : index, 0, entry);
    entries.length = Math.min(entries.length, KEPT);
  }

  /** All acts about one failure are one entry: the last one tells. */
  function takeHealing(record) {
    const id = keyOfCase(record);
    const known = entries.find((entry) => entry.id === id);
    const acts = withAct(known?.acts ?? [], record);
    if (acts === known?.acts) return;
    entries = entries.filter((entry) => entry !== known);
    const last = acts.at(-1);
    add({ id, kind: "healing", at: endOf(last), tone: last.success ? "good" : "bad", acts });
  }

  /** `starting` gives way to `started`; neighbours of one kind and node join. */
  function takeService({ name, node, incarnation, event }, at) {
    const key = `${name} ${incarnation}`;
    /** @type {ServiceEntry[]} */
    const services = entries.filter(({ kind }) => kind === "service");
    if (services.some((entry) => entry.event === event && entry.node === node && entry.keys.has(key))) return;
    let tookMs;
    const start = services.find((entry) => entry.event === "starting" && entry.node === node && entry.keys.has(key));
    if (start && event !== "starting") {
      entries = entries.filter((entry) => entry !== start);
      if (event !== "quarantined") tookMs = at - start.at;
    }
    const last = services.find((entry) => entry !== start && entry.node === node && entry.event !== "starting");
    if (last?.event === event && at - last.at < TOGETHER_MS) {
      last.names = [...new Set([...last.names, name])];
      last.keys.add(key);
      last.at = at;
      last.tookMs = undefined;
      last.words = eventWords(last);
      entries.sort((a, b) => b.at - a.at);
      return;
    }
    const entry = {
      id: `s${number++}`,
      kind: "service",
      at,
      tone: eventTone(event),
      event,
      node,
      names: [name],
      keys: new Set([key]),
      tookMs,
    };
    add({ ...entry, words: eventWords(entry) });
  }

  function draw() {
    const shown = only.checked ? entries.filter(({ kind }) => kind === "healing") : entries;
    setText(note, entries.length === KEPT ? `the last ${KEPT}` : "");
    empty.hidden = shown.length > 0;
    scroll.hidden = shown.length === 0;
    reconcile(
      list,
      shown,
      ({ id }) => id,
      ({ kind }) => (kind === "healing" ? createHealingEntry() : createEntry(kind)),
    );
  }

  return {
    draw,
    /** A message of the stream. */
    take({ type, at, data }) {
      if (type === "healing_event") takeHealing(data);
      else takeService(data, Date.parse(at));
    },
    /** What the page itself saw of the connection. */
    note(words, tone) {
      add({ id: `c${number++}`, kind: "connection", at: Date.now(), tone, words });
    },
    /** What was healed before the page was there. */
    async fetchHistory() {
      for (const record of await get(`/orchestrator/healing-history?limit=${HISTORY}`)) takeHealing(record);
    },
  };
}

const SIGNS = { good: "●", bad: "✖", warn: "◔", held: "⊘", move: "◌", off: "○" };

function createEntry(kind) {
  const time = el("time");
  const sign = el("span", { class: "sign", "aria-hidden": "true" });
  const words = el("span", { class: "words" });
  const element = el("li", { "data-kind": kind }, time, sign, words);
  return {
    element,
    /** @param {Shown} entry */
    update(entry) {
      const iso = new Date(entry.at).toISOString();
      setAttribute(time, "datetime", iso);
      setText(time, moment(iso));
      setText(sign, SIGNS[entry.tone]);
      setText(words, entry.words);
      setAttribute(element, "data-tone", entry.tone);
    },
  };
}
