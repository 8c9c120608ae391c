import { post } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { moment } from "./format.js";
import { executionWords, pointsWords, SMALL_COST } from "./harmony-words.js";

/** Of each kind. */
const MOST = 4;
const SEVERITIES = ["critical", "warning", "info"];

/** @typedef {{key: string, tone: string, sign: string, words: string, note: string, title?: string, alert?: string}} Line */

/**
 * What costs most, which rules are at work, and what is wrong. Each of the three keeps its place where it has nothing to
 * say: what comes and goes moves nothing else.
 */
export function createTrouble() {
  const costs = createPart("Costs most", "nothing costs a point");
  const rules = createPart("Rules at work", "none");
  const alerts = createPart("Alerts", "none");
  return {
    element: el("div", { class: "more", hidden: true }, costs.element, rules.element, alerts.element),
    /**
     * @param {import("./types.js").HarmonyUpdate} update
     * @param {import("./types.js").HarmonyBest|null} best
     * @param {Map<string, {name: string, mode: string}>} known rules by id
     * @param {readonly import("./types.js").RuleExecution[]} executions newest first
     * @param {readonly import("./types.js").Alert[]} firing
     * @returns {"much"|"costs"|"nothing"} what there is to say: costs alone may be over in a moment
     */
    update(update, best, known, executions, firing) {
      const costLines = costsOf(update, best);
      const ruleLines = update.firing.map((id) => ruleLine(id, known.get(id), executions));
      const alertLines = [...firing].sort(mostSevereFirst).map(alertLine);
      costs.update(costLines);
      rules.update(ruleLines);
      alerts.update(alertLines);
      return ruleLines.length + alertLines.length > 0 ? "much" : costLines.length > 0 ? "costs" : "nothing";
    },
  };
}

/** By whole points: what costs about as much as another does not change places with it all the time. @returns {Line[]} */
function costsOf({ costs }, best) {
  const lines = costs
    .filter(({ cost }) => cost >= SMALL_COST)
    .sort((one, other) => Math.round(other.cost) - Math.round(one.cost) || (nameOf(one) < nameOf(other) ? -1 : 1))
    .map(({ part, system, metric, cost, why }) => ({
      key: nameOf({ part, system, metric }),
      tone: "warn",
      sign: pointsWords(cost),
      words: why,
      note: "",
      title: `${system}.${metric}, points of ${part}`,
    }));
  // The advice is asked for less often than costs are told: what it is about may be over.
  const isOpen = costs.some(
    ({ system, metric, cost }) => system === best?.system && metric === best.metric && cost >= SMALL_COST,
  );
  if (!isOpen || best.gain < SMALL_COST) return lines;
  return [...lines, { key: "best", tone: "good", sign: pointsWords(-best.gain), words: best.how, note: "" }];
}

function nameOf({ part, system, metric }) {
  return `${part} ${system} ${metric}`;
}

/** @returns {Line} */
function ruleLine(id, rule, executions) {
  const last = executions.find((one) => one.rule === id);
  const isShadow = rule?.mode === "shadow";
  return {
    key: id,
    tone: isShadow ? "off" : "held",
    sign: isShadow ? "◌" : "▲",
    words: rule?.name ?? id,
    note: last ? executionWords(last) : isShadow ? "in the shadow: it only says what it would do" : "",
    title: `azora rules why ${id}`,
  };
}

/** @returns {Line} */
function alertLine({ id, severity, summary, firedAt, startedAt, acknowledged, silenced, unknownSince }) {
  const isQuiet = acknowledged !== null || silenced !== null;
  const notes = [
    `${severity}, since ${moment(firedAt ?? startedAt)}`,
    unknownSince ? "whether it still holds is not known" : "",
    acknowledged ? `${acknowledged.by} is at it` : silenced ? "silenced" : "",
  ];
  const tone = isQuiet ? "off" : severity === "critical" ? "bad" : severity === "warning" ? "warn" : "move";
  return {
    key: id,
    tone,
    sign: isQuiet ? "○" : severity === "critical" ? "✖" : "◐",
    words: summary,
    note: notes.filter(Boolean).join("; "),
    ...(isQuiet ? {} : { alert: id }),
  };
}

function mostSevereFirst(one, other) {
  const quiet = ({ acknowledged, silenced }) => Number(acknowledged !== null || silenced !== null);
  return (
    quiet(one) - quiet(other) ||
    SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity) ||
    (one.id < other.id ? -1 : 1)
  );
}

function createPart(title, nothing) {
  const list = el("ul");
  const rest = el("p", { class: "rest" });
  return {
    element: el("div", {}, el("h3", {}, title), list, rest),
    /** @param {readonly Line[]} lines */
    update(lines) {
      reconcile(list, lines.slice(0, MOST), ({ key }) => key, createLine);
      const more = lines.length - MOST;
      setText(rest, lines.length === 0 ? nothing : more > 0 ? `and ${more} more` : "");
    },
  };
}

/** @param {Line} first */
function createLine({ alert }) {
  const sign = el("span", { class: "amount" });
  const words = el("span", { class: "words" });
  const note = el("span", { class: "rest" });
  const button = alert ? createAcknowledge(alert, note) : undefined;
  const element = el("li", {}, sign, el("p", {}, words, note), ...(button ? [button] : []));
  return {
    element,
    /** @param {Line} line */
    update(line) {
      setAttribute(element, "data-tone", line.tone);
      setAttribute(element, "title", line.title);
      setText(sign, line.sign);
      setText(words, line.words);
      // What a refused command has to say stays until there is something new.
      if (note.dataset.said !== line.note) {
        note.dataset.said = line.note;
        setText(note, line.note);
      }
      if (button) button.hidden = !line.alert;
    },
  };
}

function createAcknowledge(id, note) {
  const button = el("button", { type: "button", title: "Somebody is at it: it is told no more" }, "Acknowledge");
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled")) return;
    setAttribute(button, "aria-disabled", "true");
    try {
      await post(`/api/organism/alerts/${encodeURIComponent(id)}/acknowledge`);
      button.hidden = true;
    } catch (error) {
      setText(note, error.message);
    } finally {
      setAttribute(button, "aria-disabled", undefined);
    }
  });
  return button;
}
