import { get, post } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { milliseconds, placeName } from "./format.js";
import { createHealthStrip } from "./health-strip.js";
import { statusMark } from "./statuses.js";
import { createStory } from "./story.js";

const REFRESH_MS = 5000;
const FAILED_OVER = /\bit was failed over\b/;
/** `doing`: while it runs. `when`: the status and its why with which it makes sense. `sure`: asked once more. */
const COMMANDS = [
  { name: "restart", title: "Restart", doing: "Restarting", when: (status) => status !== "stopped" },
  { name: "stop", title: "Stop", doing: "Stopping", when: (status) => status !== "stopped", sure: true },
  { name: "start", title: "Start", doing: "Starting", when: (status) => status === "stopped" },
  {
    name: "release",
    title: "Release",
    hint: "Takes it out of quarantine and tries it; one that was failed over comes back",
    doing: "Releasing",
    when: (status, why) => status === "quarantined" || FAILED_OVER.test(why),
  },
];

/**
 * Why a service is as it is, what it needs, how it answered, where it runs; and the commands for it.
 *
 * @param {string} name
 */
export function createServiceDetails(name) {
  const path = encodeURIComponent(name);
  const why = el("p", { class: "why" });
  const description = el("p", { class: "description" });
  const facts = el("dl", { class: "list" });
  const fact = (title) => {
    const value = el("dd");
    facts.append(el("div", {}, el("dt", {}, title), value));
    return value;
  };
  const needs = fact("needs");
  const uses = fact("uses if there");
  const capabilities = fact("capabilities");
  const attempts = fact("restart attempts");
  const instances = el("ul", { class: "instances" });
  facts.append(el("div", {}, el("dt", {}, "instances"), el("dd", {}, instances)));
  const strip = createHealthStrip();
  const story = createStory(name);
  const outcome = el("p", { class: "outcome", role: "status" });
  const buttons = COMMANDS.map((command) => createCommand(command));
  const element = el(
    "div",
    { class: "details", onclick: (event) => event.stopPropagation() },
    el(
      "div",
      {},
      why,
      description,
      el("div", { class: "commands" }, ...buttons.map((button) => button.element)),
      outcome,
    ),
    facts,
    strip.element,
    story.element,
  );
  let timer = 0;
  let status = "";
  let reason = "";
  let requests = 0;

  function createCommand({ name: command, title, hint, doing, when, sure }) {
    let asked = false;
    const button = el(
      "button",
      { type: "button", class: command, title: hint, onclick: press, onblur: () => ask(false) },
      title,
    );
    function ask(value) {
      asked = value;
      setText(button, asked ? `Really ${command} ${name}?` : title);
    }
    async function press() {
      if (button.getAttribute("aria-disabled") === "true") return;
      if (sure && !asked) return ask(true);
      ask(false);
      await run(command, `${doing} ${name}…`);
    }
    return {
      element: button,
      update() {
        button.hidden = !when(status, reason);
      },
    };
  }

  async function run(command, doing) {
    tell(doing, "move");
    for (const { element: button } of buttons) setAttribute(button, "aria-disabled", "true");
    try {
      const { status: after, why: reason, duration } = await post(`/orchestrator/${command}/${path}`);
      tell(
        `${name} is ${after} after ${milliseconds(duration)}: ${reason}.`,
        after === "healthy" || after === "stopped" ? "good" : "warn",
      );
    } catch (error) {
      tell(
        error.name === "TimeoutError" ? "No answer in time; the table shows what came of it." : error.message,
        "bad",
      );
    }
    for (const { element: button } of buttons) setAttribute(button, "aria-disabled", undefined);
    await refresh();
  }

  function tell(text, tone) {
    setText(outcome, text);
    setAttribute(outcome, "data-tone", tone);
  }

  async function refresh() {
    void story.refresh();
    const mine = ++requests;
    try {
      const answer = await get(`/orchestrator/services/${path}`);
      // An older answer may come after a newer one.
      if (mine === requests) draw(answer);
    } catch {
      // The last picture stays; the page's head tells that the connection is lost.
    }
  }

  /** @param {import("./types.js").ServiceDetails} details */
  function draw(details) {
    const { metadata } = details;
    setText(why, details.why.startsWith(details.status) ? details.why : `${details.status}: ${details.why}`);
    setText(description, metadata.description ?? "");
    setText(needs, metadata.dependencies.join(", ") || "nothing");
    setText(uses, metadata.softDependencies.join(", ") || "nothing");
    setText(capabilities, metadata.capabilities.join(", ") || "none told");
    setText(attempts, `${details.restartAttempts} since it was last stable, ${details.restarts} restarts in all`);
    reconcile(instances, details.instances, ({ node }) => node, createInstance);
    strip.update(details.healthHistory);
    status = details.status;
    reason = details.why;
    for (const button of buttons) button.update();
  }

  function saw(now) {
    if (status === "" || now === status) return;
    status = now;
    reason = "";
    for (const button of buttons) button.update();
    void refresh();
  }

  return {
    element,
    saw,
    resume() {
      void refresh();
      timer = setInterval(() => {
        if (!document.hidden && element.isConnected) void refresh();
      }, REFRESH_MS);
    },
    pause: () => clearInterval(timer),
  };
}

function createInstance({ node }) {
  const mark = statusMark();
  const where = el("span");
  return {
    element: el("li", {}, mark.element, where),
    update({ status, pid, incarnation }) {
      mark.update(status);
      setText(where, ` on ${placeName(node)}, ${pid ? `pid ${pid}, ` : ""}life ${incarnation}`);
    },
  };
}
