import { el, setAttribute, setText, svg } from "./dom.js";
import { milliseconds, timeOfDay } from "./format.js";
import { lookOf } from "./statuses.js";

const KEPT = 100;
const BAR = 4;
const HEIGHT = 44;
const TONES = ["good", "warn", "bad", "off"];

/** The last answers of a service: the height is the response time, the colour what it said of itself. */
export function createHealthStrip() {
  const paths = TONES.map((tone) => svg("path", { "data-tone": tone }));
  const drawing = svg(
    "svg",
    { class: "strip", viewBox: `0 0 ${KEPT * BAR} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
    svg("path", { class: "base", d: `M0 ${HEIGHT - 0.5}H${KEPT * BAR}` }),
    ...paths,
  );
  const caption = el("figcaption");
  return {
    element: el("figure", {}, drawing, caption),
    /** @param {import("./types.js").HealthAnswer[]} history oldest first */
    update(history) {
      const answers = history.slice(-KEPT);
      const highest = Math.max(1, ...answers.map(({ responseTime }) => responseTime));
      const strokes = new Map(TONES.map((tone) => [tone, ""]));
      for (const [index, { status, responseTime }] of answers.entries()) {
        const x = (KEPT - answers.length + index) * BAR + BAR / 2;
        const height = Math.max(3, (responseTime / highest) * (HEIGHT - 2));
        const { tone } = lookOf(status);
        const key = strokes.has(tone) ? tone : "off";
        strokes.set(key, `${strokes.get(key)}M${x} ${HEIGHT}v${-height.toFixed(1)}`);
      }
      for (const [index, tone] of TONES.entries()) setAttribute(paths[index], "d", strokes.get(tone));
      setText(caption, words(answers, highest));
      setAttribute(drawing, "aria-label", caption.textContent);
    },
  };
}

function words(answers, highest) {
  const last = answers.at(-1);
  if (!last) return "no health answer yet";
  const bad = answers.filter(({ status }) => status !== "healthy").length;
  const number = answers.length === 1 ? "1 health answer" : `last ${answers.length} health answers`;
  return `${number}, ${bad === 0 ? "all healthy" : `${bad} not healthy`}; slowest ${milliseconds(highest)}; last at ${timeOfDay(last.at)} in ${milliseconds(last.responseTime)}`;
}
