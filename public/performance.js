import { get, post } from "./api.js";
import { el, reconcile, setAttribute, setText } from "./dom.js";
import { count, milliseconds } from "./format.js";
import { awayLook, bestSteps, FEW_CALLS, lookOf, perSecond, SHOWN, share, spends } from "./performance-words.js";
import { createStrip } from "./strip.js";

const POLL_MS = 5000;
/** Analyses are for what lasts. */
const STEPS_MS = 60_000;

/** @typedef {import("./types.js").ServicePerformance} ServicePerformance */

/**
 * How the load is borne, in one line; below it what is slow and why, and what would help most.
 *
 * @param {HTMLElement} root
 * @param {import("./organism.js").Organism} organism
 * @param {() => boolean} isLive
 */
export function createPerformance(root, organism, isLive) {
  const { sign, words, facts, heading, fact } = createStrip("performance", "Performance");
  const rate = fact("calls a second", "in the last minute, on all nodes");
  const middle = fact("half within", "p50: half of the calls were answered in this time");
  const slowest = fact("99 of 100 within", "p99: of 100 calls only one took longer");
  const errors = fact("errors", "calls that ended in an error; refused ones are counted apart");
  const refused = fact(
    "refused",
    "calls that were not carried out in the last minute: too many, or their caller had given up",
  );
  const cached = fact("from the cache", "of the calls to cached actions");
  const slow = el("ul", { class: "slow" });
  const steps = el("ul", { class: "steps" });
  const slowPart = el("div", {}, el("h3", {}, "Takes most time"), slow);
  const stepsPart = el("div", {}, el("h3", {}, "Would help most"), steps);
  const more = el("div", { class: "more", hidden: true }, slowPart, stepsPart);
  const summary = el("div", { class: "summary" }, heading, facts);
  root.append(summary, more);

  /** @type {import("./types.js").PerformanceMetrics|undefined} */
  let metrics;
  /** @type {import("./types.js").ServiceAnalysis[]} */
  let analyses = [];
  /** @type {import("./types.js").QueryAdvice[]} */
  let advice = [];
  let away = "";
  let stepsAt = 0;
  setInterval(() => isLive() && void poll(), POLL_MS);

  async function poll() {
    if (document.hidden) return;
    try {
      metrics = await get("/api/performance/metrics");
      away = "";
      if (Date.now() - stepsAt > STEPS_MS) await pollSteps();
    } catch (error) {
      // An organism without the optimizer has nothing to show; one whose optimizer is away has.
      if (error.status === 404) return;
      away = error.message;
    }
    draw();
  }

  /** What cannot be had is not shown: the figures are. */
  async function pollSteps() {
    stepsAt = Date.now();
    [analyses, advice] = await Promise.all([
      post("/api/performance/analyze").catch(() => []),
      get("/api/performance/advice").catch(() => []),
    ]);
  }

  function draw() {
    const look = away ? awayLook(away) : metrics && lookOf(metrics, analyses);
    if (!look) return;
    root.hidden = false;
    setAttribute(root, "data-tone", look.tone);
    setText(sign, look.sign);
    setText(words, look.words);
    if (!metrics) return;
    const { throughput, latency, errorRate, refused: refusals, cacheHitRatio, calls } = metrics.organism;
    setText(rate, perSecond(throughput));
    setText(middle, calls > 0 ? milliseconds(latency.p50) : "–");
    setText(slowest, calls > 0 ? milliseconds(latency.p99) : "–");
    setText(errors, calls > 0 ? share(errorRate) : "–");
    setText(refused, count(refusals));
    setText(cached, cacheHitRatio === null ? "–" : share(cacheHitRatio));
    const busiest = metrics.services
      .filter(({ service, calls: own }) => own >= FEW_CALLS && !isRuntime(service))
      .sort((one, other) => timeOf(other) - timeOf(one))
      .slice(0, SHOWN);
    const best = bestSteps(analyses, advice);
    more.hidden = busiest.length === 0 && best.length === 0;
    slowPart.hidden = busiest.length === 0;
    stepsPart.hidden = best.length === 0;
    const of = busiest[0] ? timeOf(busiest[0]) : 1;
    const rows = busiest.map((service) => ({ ...service, share: timeOf(service) / of }));
    reconcile(slow, rows, ({ service }) => service, slowRow);
    reconcile(steps, best, ({ service, what }) => `${service}\n${what}`, stepRow);
  }

  /** What runs the organism itself is always at work, also where nobody asks for anything. */
  function isRuntime(name) {
    return organism.records.get(name)?.metadata.capabilities.includes("runtime") === true;
  }

  return { poll, draw };
}

/** @param {{service: string}} first */
function slowRow({ service: named }) {
  const name = el("a", { class: "name to", href: `#service=${encodeURIComponent(named)}` }, named);
  const time = el("span", { class: "time" });
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  const why = el("span", { class: "on" });
  const element = el("li", {}, name, time, bar, why);
  return {
    element,
    /** @param {ServicePerformance & {share: number}} service `share`: of the time that the first one takes, 0 to 1 */
    update({ latency, time: spent, trend, share: part }) {
      bar.style.setProperty("--of", String(part));
      setText(time, `p95 ${milliseconds(latency.p95)}`);
      setAttribute(time, "title", `p50 ${milliseconds(latency.p50)}, p99 ${milliseconds(latency.p99)}`);
      setText(why, `${spends(spent)}${trend === "rising" ? "; it is getting slower" : ""}`);
    },
  };
}

/** All calls of a second together, ms: a fast service that everybody asks may cost more than a slow one. */
function timeOf({ throughput, latency }) {
  return throughput * latency.mean;
}

function stepRow({ service, what, gain, command }) {
  const title = el("strong", {}, `${service}: `, what);
  const worth = gain > 0 ? el("span", { class: "gain" }, `may save ${Math.round(gain * 100)}\u00a0%`) : "";
  const how = command ? el("code", {}, command) : "";
  return { element: el("li", {}, title, " ", worth, how) };
}
