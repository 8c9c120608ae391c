import { get } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { placeName, timeOfDay } from "./format.js";

const LINES = 200;
const POLL_MS = 1000;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];
/** So near to the end the reader counts as following, px. */
const NEAR_END = 40;

/**
 * The newest log lines of all nodes, asked for each second while they are in view.
 *
 * @param {HTMLElement} root
 * @param {import("./organism.js").Organism} organism
 * @param {() => boolean} isLive
 */
export function createLogTail(root, organism, isLive) {
  const names = el("datalist", { id: "log-names" });
  const name = el("input", {
    id: "log-name",
    list: "log-names",
    placeholder: "node or service",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Node or service",
    oninput: changed,
  });
  const level = el(
    "select",
    { id: "log-level", "aria-label": "Least level", onchange: changed },
    el("option", { value: "" }, "all levels"),
    ...LEVELS.slice(1).map((one) => el("option", { value: one }, `${one} and up`)),
  );
  const requestId = el("input", {
    id: "log-request",
    type: "search",
    placeholder: "request id",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Request id",
    oninput: changed,
  });
  const pause = el("button", { type: "button", "aria-pressed": "false", onclick: togglePause }, "Pause");
  const note = el("p", { class: "note", role: "status" });
  // A second click at the same link changes no address.
  const onclick = ({ target }) => {
    const link = target.closest("a.request");
    if (link) follow(link.textContent);
  };
  const list = el("ol", { class: "lines", onclick });
  const scroll = el(
    "div",
    { class: "scroll log-scroll", tabindex: "0", role: "region", "aria-labelledby": "log-title" },
    list,
  );
  root.append(
    el(
      "div",
      { class: "head" },
      el("h2", { id: "log-title" }, "Log"),
      note,
      el("div", { class: "filters" }, name, names, level, requestId, pause),
    ),
    scroll,
  );
  let paused = false;
  let inView = false;
  let busy = false;
  /** Counts changes of the filter: an answer to an older question is thrown away. */
  let question = 0;
  new IntersectionObserver(([entry]) => {
    inView = entry.isIntersecting;
    if (inView) void poll();
  }).observe(scroll);
  setInterval(() => void poll(), POLL_MS);
  addEventListener("hashchange", readAddress);
  readAddress();

  function togglePause() {
    paused = !paused;
    setAttribute(pause, "aria-pressed", paused);
    setText(pause, paused ? "Continue" : "Pause");
    if (!paused) void poll();
  }

  /** `#request=<id>` filters by it, so that such a view can be linked. */
  function readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1)).get("request");
    if (asked !== null) follow(asked);
  }

  function follow(id) {
    if (requestId.value === id) return;
    requestId.value = id;
    changed();
    root.scrollIntoView({ block: "nearest" });
  }

  function changed() {
    question++;
    void poll(true);
  }

  async function poll(asked = false) {
    if (!asked && (paused || !inView || document.hidden || busy || !isLive())) return;
    busy = true;
    const mine = question;
    try {
      const query = new URLSearchParams({ lines: String(LINES) });
      if (name.value.trim()) query.set("name", name.value.trim());
      if (level.value) query.set("level", level.value);
      if (requestId.value.trim()) query.set("requestId", requestId.value.trim());
      const lines = await get(`/orchestrator/logs?${query}`);
      if (mine === question) draw(lines, asked);
    } catch (error) {
      if (mine === question)
        setText(note, error.name === "TimeoutError" ? "no answer in time" : isLive() ? error.message : "");
    }
    busy = false;
  }

  function draw(lines, asked) {
    const following = asked || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;
    reconcile(list, keyed(lines), ({ key }) => key, createLine);
    setText(
      note,
      lines.length === 0
        ? "no line fits"
        : lines.length === LINES
          ? `the last ${LINES} lines`
          : `${lines.length} lines`,
    );
    if (following) scroll.scrollTop = scroll.scrollHeight;
    drawNames();
  }

  function drawNames() {
    const known = [...(organism.status?.nodes ?? []).map(({ id }) => id), ...organism.records.keys()];
    reconcile(
      names,
      [...new Set(known)],
      (one) => one,
      (one) => ({ element: el("option", { value: one }) }),
    );
  }
}

/** Lines have no number: a key is the line itself, and how often it came before. */
function keyed(lines) {
  const seen = new Map();
  return lines.map((line) => {
    const text = JSON.stringify(line);
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    return { key: `${times} ${text}`, line };
  });
}

/** @param {{line: import("./types.js").LogLine & {error?: {message?: string, stack?: string}}}} item */
function createLine({ line: { time, level, node, source, message, requestId, fields, error } }) {
  const rest = Object.entries(fields ?? {})
    .filter(([field]) => field !== "requestId")
    .map(([field, value]) => `${field}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const fault = error ? el("span", { class: "fault" }, error.stack ?? error.message ?? JSON.stringify(error)) : "";
  return {
    element: el(
      "li",
      { "data-level": level },
      el("time", { datetime: time || undefined }, timeOfDay(time, true)),
      el("span", { class: "level" }, level),
      el("span", { class: "source" }, source === node || !source ? placeName(node) : `${node} ${source}`),
      el(
        "span",
        { class: "message" },
        String(message),
        rest.length > 0 ? el("span", { class: "fields" }, ` ${rest.join(" ")}`) : "",
        requestId ? " " : "",
        requestId
          ? el(
              "a",
              {
                class: "request",
                href: `#request=${encodeURIComponent(requestId)}`,
                title: "Show only this request's lines",
              },
              requestId,
            )
          : "",
        fault,
      ),
    ),
  };
}
