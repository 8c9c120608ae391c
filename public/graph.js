import { el, setAttribute, setText, svg } from "./dom.js";
import { listed } from "./format.js";
import { BOX, curve, layoutGraph } from "./graph-layout.js";
import { lookOf } from "./statuses.js";

/** Smaller, the names cannot be read; the drawing scrolls instead. */
const LEAST_FIT = 0.75;
const ZOOM_STEP = 1.25;
const ZOOM = { least: 0.3, most: 2 };
const LONGEST_NAME = 24;

/**
 * What depends on what, in launch steps from left to right, coloured by live status.
 *
 * @param {HTMLElement} root
 * @param {import("./organism.js").Organism} organism
 * @param {(name: string) => void} open shows a service's details
 */
export function createGraph(root, organism, open) {
  const drawing = svg("svg", { class: "graph", role: "group", "aria-label": "Services and their dependencies" });
  const scroll = el("div", { class: "scroll graph-scroll" }, drawing);
  const caption = el("p", { class: "caption" });
  const HINT =
    "Solid: needs it. Dashed: uses it if it is there. Point at a service, or use the arrow keys, to see its neighbours; Enter opens it.";
  setText(caption, HINT);
  const button = (text, label, onclick) =>
    el("button", { type: "button", "aria-label": label, title: label, onclick }, text);
  root.append(
    el(
      "div",
      { class: "head" },
      el("h2", { id: "graph-title" }, "Graph"),
      el("p", { class: "note" }, "launch steps from left to right"),
      el(
        "div",
        { class: "zoom" },
        button("−", "Zoom out", () => zoomTo(zoom / ZOOM_STEP)),
        button("fit", "Fit the width", () => zoomTo(0)),
        button("+", "Zoom in", () => zoomTo(zoom * ZOOM_STEP)),
      ),
    ),
    scroll,
    caption,
  );
  /** @type {Map<string, {group: SVGElement, sign: SVGElement, place: import("./graph-layout.js").Place}>} */
  const boxes = new Map();
  /** @type {{from: string, to: string, kind: string, path: SVGElement}[]} */
  let edges = [];
  let size = { width: 1, height: 1 };
  let zoom = 1;
  let fitted = true;
  let current = "";
  new ResizeObserver(() => fitted && zoomTo(0)).observe(scroll);

  /** 0 fits the width. */
  function zoomTo(wanted) {
    fitted = wanted === 0;
    const fit = Math.min(1, Math.max(LEAST_FIT, scroll.clientWidth / size.width));
    zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, wanted || fit));
    setAttribute(drawing, "width", Math.floor(size.width * zoom));
    setAttribute(drawing, "height", Math.floor(size.height * zoom));
  }

  function drawPlan() {
    const layout = layoutGraph(organism.plan);
    size = layout;
    boxes.clear();
    setAttribute(drawing, "viewBox", `0 0 ${layout.width} ${layout.height}`);
    edges = organism.plan.edges.map((edge) => ({
      ...edge,
      path: svg("path", {
        class: `edge ${edge.kind}`,
        d: curve(layout.places.get(edge.to), layout.places.get(edge.from)),
      }),
    }));
    const titles = layout.titles.map(({ x, y, text }) => svg("text", { class: "step", x, y }, text));
    for (const [name, place] of layout.places) boxes.set(name, createBox(name, place));
    drawing.replaceChildren(
      ...titles,
      ...edges.map(({ path }) => path),
      ...[...boxes.values()].map(({ group }) => group),
    );
    if (!boxes.has(current)) current = organism.plan.order.flat()[0] ?? "";
    if (boxes.has(current)) setAttribute(boxes.get(current).group, "tabindex", "0");
    zoomTo(fitted ? 0 : zoom);
    drawStatuses();
  }

  function createBox(name, place) {
    const sign = svg("text", { class: "sign", x: 9, y: 17.5 });
    const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
    const group = svg(
      "g",
      {
        class: "box",
        transform: `translate(${place.x} ${place.y})`,
        tabindex: "-1",
        role: "button",
        onpointerenter: () => light(name),
        onpointerleave: () => light(document.activeElement === group ? name : undefined),
        onfocus: () => light(name),
        onblur: () => light(undefined),
        onclick: () => open(name),
        onkeydown: (event) => press(event, name),
      },
      svg("rect", { width: BOX.width, height: BOX.height, rx: 6 }),
      sign,
      svg("text", { x: 25, y: 17.5 }, short),
      svg("title", {}, name),
    );
    return { group, sign, place };
  }

  function drawStatuses() {
    for (const [name, { group, sign }] of boxes) {
      const status = organism.records.get(name)?.status ?? "unknown";
      const { sign: mark, tone } = lookOf(status);
      setText(sign, mark);
      setAttribute(group, "data-tone", tone);
      setAttribute(group, "aria-label", `${name}, ${statusWords(name)}`);
    }
    for (const { to, kind, path } of edges)
      path.classList.toggle("cut", kind === "hard" && organism.records.get(to)?.status === "quarantined");
  }

  function light(name) {
    const near = new Set([name]);
    for (const { from, to, path } of edges) {
      const lit = from === name || to === name;
      path.classList.toggle("lit", lit);
      if (lit) near.add(from).add(to);
    }
    for (const [other, { group }] of boxes) group.classList.toggle("lit", near.has(other));
    drawing.classList.toggle("lighting", name !== undefined);
    setText(caption, name === undefined ? HINT : describe(name));
  }

  function describe(name) {
    const words = (kind, end, start) =>
      edges.filter((edge) => edge.kind === kind && edge[start] === name).map((edge) => edge[end]);
    const parts = [
      ["needs", words("hard", "to", "from")],
      ["uses if there", words("soft", "to", "from")],
      ["is needed by", words("hard", "from", "to")],
      ["is used by", words("soft", "from", "to")],
    ].flatMap(([verb, names]) => (names.length > 0 ? [`${verb} ${listed(names, 12)}`] : []));
    return `${name} (${statusWords(name)}) ${parts.join("; ") || "depends on nothing, and nothing on it"}.`;
  }

  function statusWords(name) {
    const status = organism.records.get(name)?.status ?? "unknown";
    const lacking = status === "degraded" ? organism.lacking(name) : [];
    return lacking.length > 0 ? `${status}: ${listed(lacking)} in quarantine` : status;
  }

  function press(event, name) {
    if (event.key === "Enter" || event.key === " ") open(name);
    else if (event.key in ARROWS) step(name, ARROWS[event.key]);
    else return;
    event.preventDefault();
  }

  /** To the nearest box in that direction. */
  function step(name, [dx, dy]) {
    const { place } = boxes.get(name);
    const distance = (other) => {
      const along = (other.x - place.x) * dx + (other.y - place.y) * dy;
      const across = Math.abs((other.x - place.x) * dy) + Math.abs((other.y - place.y) * dx);
      return along > 0 ? along + across * 2 : Number.POSITIVE_INFINITY;
    };
    const [next] = [...boxes.values()].sort((a, b) => distance(a.place) - distance(b.place));
    if (!next || distance(next.place) === Number.POSITIVE_INFINITY) return;
    setAttribute(boxes.get(name).group, "tabindex", "-1");
    setAttribute(next.group, "tabindex", "0");
    next.group.focus();
  }

  return { drawPlan, drawStatuses };
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
