import { el, setAttribute, setText, svg } from "./dom.js";
import { count, duration, timeOfDay } from "./format.js";
import { lookOf, SERVICE_STATUSES, statusMark } from "./statuses.js";

/** Seconds of the pulse. */
const PULSE_LENGTH = 120;
const PULSE_HEIGHT = 40;
const TONES = ["good", "warn", "bad", "move"];

/**
 * The organism in one look: its status and why, its numbers, and the pulse of the last two minutes.
 *
 * @param {HTMLElement} root
 */
export function createHeader(root) {
  const mark = statusMark("organism-status");
  const why = el("p", { class: "why", "aria-live": "polite" }, "Asking the orchestrator…");
  const facts = el("dl", { class: "facts" });
  const fact = (title, hint) => {
    const value = el("dd", {}, "–");
    facts.append(el("div", { title: hint }, el("dt", {}, title), value));
    return value;
  };
  const services = fact("services up", "healthy or degraded, of all");
  const nodes = fact("nodes up", "of all");
  const uptime = fact("orchestrator up", "since the orchestrator's process started");
  const epoch = fact("epoch", "how many orchestrators this organism has had");
  const counts = el("ul", { class: "counts", "aria-label": "Services per status" });
  const chips = new Map(
    SERVICE_STATUSES.map((status) => {
      const chip = statusMark();
      const item = el("li", { hidden: true }, chip.element);
      counts.append(item);
      return [status, { item, chip }];
    }),
  );
  const bar = el("progress", { max: "1", value: "0", "aria-labelledby": "launch-text" });
  const text = el("span", { id: "launch-text" });
  const launch = el("div", { class: "launch", hidden: true }, text, bar);
  const pulse = createPulse();
  root.append(
    el("div", { class: "vital" }, el("h1", {}, mark.element), why, launch, counts),
    el("div", { class: "measures" }, pulse.element, facts),
  );

  /** @param {import("./types.js").OrganismStatus} status */
  return (status) => {
    mark.update(status.status);
    root.dataset.tone = lookOf(status.status).tone;
    setText(why, status.why);
    setText(uptime, duration(status.uptime));
    setText(epoch, String(status.epoch));
    const up = status.nodes.filter((node) => node.status === "up").length;
    setText(nodes, `${up} / ${status.nodes.length}`);
    setText(services, `${count(status.services.healthy + status.services.degraded)} / ${count(status.services.total)}`);
    for (const [name, { item, chip }] of chips) {
      const number = status.services[name] ?? 0;
      item.hidden = number === 0;
      chip.update(name, `${count(number)} ${name}`);
    }
    const { phase, started, total, done } = status.launch;
    launch.hidden = done;
    if (!done) {
      setAttribute(bar, "max", Math.max(1, total));
      setAttribute(bar, "value", started);
      setText(text, `launching: phase ${phase}, ${started} of ${total} services started`);
    }
    document.title = `${lookOf(status.status).sign} ${status.status} · Azora`;
    pulse.beat(status);
  };
}

/** One stroke a second: as high as the share of services that are up, in the tone of the organism. */
function createPulse() {
  const paths = TONES.map((tone) => svg("path", { "data-tone": tone }));
  const element = svg(
    "svg",
    {
      class: "pulse",
      viewBox: `0 0 ${PULSE_LENGTH * 3} ${PULSE_HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": "Share of services that were up in each of the last two minutes' seconds",
    },
    svg("path", { class: "base", d: `M0 ${PULSE_HEIGHT - 0.5}H${PULSE_LENGTH * 3}` }),
    ...paths,
  );
  /** @type {{tone: string, share: number, second: number}[]} */
  let beats = [];
  return {
    element,
    beat({ status, services }) {
      const second = Math.floor(Date.now() / 1000);
      const share = services.total > 0 ? (services.healthy + services.degraded) / services.total : 0;
      if (beats.at(-1)?.second === second) beats.pop();
      beats = [
        ...beats.filter((beat) => beat.second > second - PULSE_LENGTH),
        { tone: lookOf(status).tone, share, second },
      ];
      for (const [index, tone] of TONES.entries()) {
        const strokes = beats
          .filter((beat) => beat.tone === tone)
          .map((beat) => {
            const x = (PULSE_LENGTH - 1 - (second - beat.second)) * 3 + 1.5;
            return `M${x} ${PULSE_HEIGHT}v${-Math.max(2, beat.share * (PULSE_HEIGHT - 2)).toFixed(1)}`;
          });
        setAttribute(paths[index], "d", strokes.join(""));
      }
    },
  };
}

/**
 * Tells whether the picture is live.
 *
 * @param {HTMLElement} root
 * @param {import("./stream.js").Stream} stream
 */
export function createStreamState(root, stream) {
  const sign = el("span", { class: "beat", "aria-hidden": "true" });
  const word = el("b");
  // Counts every second, which nobody wants to have read aloud.
  const more = el("span", { class: "more", "aria-hidden": "true" });
  root.append(sign, word, more);
  const WORDS = { connecting: "connecting", live: "live", reconnecting: "reconnecting" };
  const draw = () => {
    document.body.dataset.stream = stream.state;
    setText(word, WORDS[stream.state]);
    if (stream.state !== "reconnecting") return setText(more, "");
    const wait = Math.max(0, Math.ceil((stream.nextAttemptAt - Date.now()) / 1000));
    setText(more, `${wait > 0 ? ` in ${wait} s` : "…"} · this is the last picture`);
  };
  stream.addEventListener("state", ({ detail }) => {
    root.title = detail === "reconnecting" ? `Lost at ${timeOfDay(new Date().toISOString())}` : "";
    draw();
  });
  setInterval(() => {
    if (!document.hidden && stream.state === "reconnecting") draw();
  }, 500);
  draw();
}
