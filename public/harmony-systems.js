import { el, reconcile, setAttribute, setText } from "./dom.js";
import { bandOf, HIGH_LOAD, wholePercent } from "./harmony-words.js";
import { organDrawing } from "./organs.js";

/** @typedef {import("./types.js").HarmonyUpdate["systems"][number]} SystemView */

/** Two bars for each of the seven systems: how well it is, and how much it has to do. */
export function createSystems() {
  const element = el("ul", { class: "systems" });
  return {
    element,
    /** @param {readonly SystemView[]} systems */
    update(systems) {
      reconcile(element, systems, ({ system }) => system, createSystem);
    },
  };
}

/** @param {SystemView} first */
function createSystem({ system: named }) {
  const health = createBar("health", "0 to 100");
  const load = createBar("load", "the busiest of cpu, event loop, memory and places in use");
  const bars = el("dl", {}, health.element, load.element);
  const element = el("li", {}, el("h3", {}, organDrawing(named), named), bars);
  return {
    element,
    /** @param {SystemView} view */
    update({ present, health: points, confidence, load: busy }) {
      const isKnown = confidence > 0;
      const { tone, words } = bandOf(points);
      const unknown = present ? "not known" : "this organism has no such system";
      setAttribute(element, "title", isKnown ? `${words}, ${wholePercent(confidence)} of it is known` : unknown);
      health.update(isKnown ? points : null, isKnown ? tone : "off", "");
      load.update(busy, busy !== null && busy >= HIGH_LOAD ? "warn" : undefined, "\u00a0%");
    },
  };
}

function createBar(title, hint) {
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  const number = el("span", { class: "number" }, "–");
  const value = el("dd", {}, bar, number);
  const element = el("div", { title: hint }, el("dt", {}, title), value);
  return {
    element,
    /** Whole numbers only: what changes behind the point would have the page painted for nothing. */
    update(given, tone, unit) {
      const whole = given === null ? null : Math.round(Math.min(100, Math.max(0, given)));
      setAttribute(element, "data-tone", tone);
      setAttribute(bar, "data-known", String(whole !== null));
      setAttribute(bar, "style", `--of: ${whole ?? 0}`);
      setText(number, whole === null ? "–" : `${whole}${unit}`);
    },
  };
}
