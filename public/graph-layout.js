export const BOX = { width: 180, height: 26 };
const GAP = { x: 50, y: 9 };
/** Room for the titles above the columns. */
const TOP = 24;
const MARGIN = 10;
/** A launch step with more services goes on in a further column. */
const MOST_ROWS = 14;
const SWEEPS = 6;

/**
 * @typedef {{x: number, y: number, step: number}} Place
 * @typedef {{places: Map<string, Place>, titles: {x: number, y: number, text: string}[], width: number, height: number}} Layout
 */

/**
 * Places services in columns, one for each launch step, and orders each column so that few edges cross (barycentre
 * heuristic of Sugiyama, Tagawa and Toda, 1981). Services without any edge stand below.
 *
 * @param {import("./types.js").Dependencies} plan
 * @returns {Layout}
 */
export function layoutGraph({ order, edges }) {
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const steps = order.map((names) => names.filter((name) => linked.has(name)));
  untangle(steps, edges);
  const columns = steps.flatMap((names, step) => chunks(names, step));
  const rows = Math.max(0, ...columns.map(({ names }) => names.length));
  const places = new Map();
  const titles = [];
  const heightOf = (count) => count * (BOX.height + GAP.y);
  for (const [index, { names, step, first }] of columns.entries()) {
    const x = MARGIN + index * (BOX.width + GAP.x);
    if (first) titles.push({ x, y: 14, text: `step ${step + 1}` });
    const top = TOP + (heightOf(rows) - heightOf(names.length)) / 2;
    for (const [row, name] of names.entries()) places.set(name, { x, y: top + heightOf(row), step });
  }
  const alone = order.flatMap((names, step) =>
    names.filter((name) => !linked.has(name)).map((name) => ({ name, step })),
  );
  let height = TOP + heightOf(rows);
  if (alone.length > 0) {
    const across = Math.max(columns.length, Math.min(5, alone.length));
    if (rows > 0) height += 22;
    titles.push({ x: MARGIN, y: height - 10, text: "without dependencies either way" });
    for (const [index, { name, step }] of alone.entries()) {
      const x = MARGIN + (index % across) * (BOX.width + (rows > 0 ? GAP.x : GAP.y * 2));
      places.set(name, { x, y: height + heightOf(Math.floor(index / across)), step });
    }
    height += heightOf(Math.ceil(alone.length / across));
  }
  const width = Math.max(0, ...[...places.values()].map(({ x }) => x)) + BOX.width + MARGIN;
  return { places, titles, width, height: height + MARGIN };
}

function chunks(names, step) {
  if (names.length === 0) return [];
  const count = Math.ceil(names.length / MOST_ROWS);
  const size = Math.ceil(names.length / count);
  return Array.from({ length: count }, (_, index) => ({
    names: names.slice(index * size, (index + 1) * size),
    step,
    first: index === 0,
  }));
}

/** Sorts each column by the mean place of what its services are linked to, forth and back. */
function untangle(steps, edges) {
  const neighbours = new Map();
  const link = (a, b) => neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  for (const { from, to } of edges) {
    link(from, to);
    link(to, from);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0;
    const at = new Map(
      steps.flatMap((names, step) => names.map((name, row) => [name, { step, row: row / names.length }])),
    );
    for (const step of forth ? steps.keys() : [...steps.keys()].reverse()) {
      const weight = (name) => {
        const rows = neighbours
          .get(name)
          .filter((other) => (forth ? at.get(other)?.step < step : at.get(other)?.step > step));
        return rows.length > 0
          ? rows.reduce((sum, other) => sum + at.get(other).row, 0) / rows.length
          : at.get(name).row;
      };
      const weights = new Map(steps[step].map((name) => [name, weight(name)]));
      steps[step].sort((a, b) => weights.get(a) - weights.get(b));
      for (const [row, name] of steps[step].entries()) at.set(name, { step, row: row / steps[step].length });
    }
  }
}

/**
 * The curve of an edge, from what is needed to what needs it.
 *
 * @param {Place} needed
 * @param {Place} needing
 */
export function curve(needed, needing) {
  const y1 = needed.y + BOX.height / 2;
  const y2 = needing.y + BOX.height / 2;
  if (needed.x === needing.x) {
    const x = needed.x + BOX.width;
    const out = Math.min(GAP.x - 14, 18 + Math.abs(y2 - y1) / 8);
    return `M${x} ${y1}C${x + out} ${y1} ${x + out} ${y2} ${x} ${y2}`;
  }
  const x1 = needed.x + BOX.width;
  const x2 = needing.x;
  const bend = Math.max(28, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
