import { get } from "./api.js";
import { el, reconcile, setText } from "./dom.js";

/** Where the first sentence ends: a full stop before a capital letter. */
const FIRST = /^(.*?[.!?]\)?)\s+(?=[A-Z"“(])/s;

/**
 * What happened to a service or a node lately, as the healer tells it: the newest case first, each in its first sentence
 * and, opened, in full.
 *
 * @param {string} name
 * @param {string} [title]
 */
export function createStory(name, title = "Story") {
  const path = `/orchestrator/heal/story/${encodeURIComponent(name)}`;
  const note = el("p", { class: "note", role: "status" }, "Asking the healer…");
  const list = el("ul", { class: "cases" });
  const element = el("section", { class: "story", "aria-label": `Story of ${name}` }, el("h4", {}, title), note, list);

  async function refresh() {
    try {
      draw(await get(path));
    } catch (error) {
      // Of what was told before nothing has become wrong.
      setText(note, error.status === 503 ? "The healer is away; the story goes on when it is back." : error.message);
      note.hidden = false;
    }
  }

  /** @param {import("./types.js").Story} story */
  function draw({ paragraphs, cases }) {
    setText(note, cases.length === 0 ? (paragraphs[0] ?? "Nothing is known of any failure.") : "");
    note.hidden = cases.length > 0;
    const told = cases.length === 0 ? [] : [...paragraphs].reverse();
    reconcile(list, keyed(told), ({ key }) => key, createCase);
  }

  return { element, refresh };
}

/** A case begins with its moment and its name, also while it grows. */
function keyed(paragraphs) {
  const seen = new Map();
  return paragraphs.map((text) => {
    const begin = text.slice(0, 80);
    const times = (seen.get(begin) ?? 0) + 1;
    seen.set(begin, times);
    return { key: `${times} ${begin}`, text };
  });
}

function createCase() {
  const first = el("summary");
  const rest = el("p", { class: "rest" });
  const whole = el("details", {}, first, rest);
  const only = el("p");
  return {
    element: el("li", {}, whole, only),
    update({ text }) {
      const begin = FIRST.exec(text)?.[1];
      whole.hidden = begin === undefined;
      only.hidden = begin !== undefined;
      setText(only, begin === undefined ? text : "");
      setText(first, begin ?? "");
      setText(rest, begin === undefined ? "" : text.slice(begin.length).trim());
    },
  };
}
