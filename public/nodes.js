import { el, reconcile, setAttribute, setText } from "./dom.js";
import { megabytes, milliseconds, percent, shortDuration } from "./format.js";
import { createNodeStory } from "./node-story.js";
import { organDrawing } from "./organs.js";
import { lookOf, statusMark } from "./statuses.js";

/** Up to so many services a node lists openly. */
const OPENLY = 4;

/**
 * One card per node.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} note
 * @param {import("./organism.js").Organism} organism
 */
export function createNodes(list, note, organism) {
  const story = createNodeStory();
  list.after(story.element);
  return () => {
    if (!organism.status) return;
    const { nodes } = organism.status;
    const carried = servicesByNode(organism.records);
    const memory = nodes.reduce((sum, node) => sum + node.memory, 0);
    setText(note, `${nodes.length} processes, ${megabytes(memory)} together`);
    reconcile(
      list,
      nodes.map((node) => ({ node, services: carried.get(node.id) ?? [] })),
      ({ node }) => node.id,
      (item) => createCard(item, story.createButton(item.node.id)),
    );
  };
}

/** @returns {Map<string, {name: string, status: string}[]>} */
function servicesByNode(records) {
  const carried = new Map();
  for (const { metadata, instances } of records.values()) {
    for (const { node, status } of instances) {
      if (!carried.has(node)) carried.set(node, []);
      carried.get(node).push({ name: metadata.name, status });
    }
  }
  for (const services of carried.values()) services.sort((a, b) => (a.name < b.name ? -1 : 1));
  return carried;
}

function createCard({ node: { id, organ } }, tell) {
  const mark = statusMark();
  const why = el("p", { class: "why", hidden: true });
  const process = el("p", { class: "process" });
  const numbers = el("dl", { class: "numbers" });
  const measure = (title, hint) => {
    const value = el("dd");
    numbers.append(el("div", { title: hint }, el("dt", {}, title), value));
    return value;
  };
  const cpu = measure("cpu", "of one core, over the last second");
  const memory = measure("memory", "resident");
  const loop = measure("loop p99", "event-loop delay, 99th percentile");
  const uptime = measure("up", "since its process started");
  const summary = el("summary");
  const names = el("ul", { class: "carried" });
  const carried = el("details", {}, summary, names);
  const none = el("p", { class: "none" }, "no services");
  const element = el(
    "li",
    { class: "node", id: `node-${id}` },
    el("h3", {}, organDrawing(organ), el("span", { title: `${organ} node` }, id), mark.element),
    why,
    process,
    numbers,
    el("div", { class: "foot" }, el("div", {}, carried, none), tell),
  );
  let wasMany;
  return {
    element,
    update({ node, services }) {
      mark.update(node.status);
      setAttribute(element, "data-tone", lookOf(node.status).tone);
      setText(why, node.why ?? "");
      why.hidden = !node.why;
      setText(
        process,
        `${node.pid ? `pid ${node.pid}` : "no process"} · life ${node.incarnation} · ${node.host || "?"}`,
      );
      const measured = node.memory > 0;
      setText(cpu, measured ? percent(node.cpu) : "–");
      setText(memory, measured ? megabytes(node.memory) : "–");
      setText(loop, measured ? milliseconds(node.loopDelayP99) : "–");
      setAttribute(loop, "data-tone", measured && node.loopDelayP99 > 200 ? "warn" : undefined);
      setText(uptime, node.pid ? shortDuration(node.uptime) : "–");
      drawServices(services);
    },
  };

  function drawServices(services) {
    const bad = services.filter(({ status }) => status !== "healthy").length;
    const number = services.length === 1 ? "1 service" : `${services.length} services`;
    setText(
      summary,
      bad === 0 ? number : `${number}, ${bad === services.length ? "none" : services.length - bad} healthy`,
    );
    none.hidden = services.length > 0;
    carried.hidden = services.length === 0;
    const many = services.length > OPENLY;
    if (services.length > 0 && many !== wasMany) {
      carried.open = !many;
      wasMany = many;
    }
    reconcile(names, services, ({ name }) => name, createName);
  }
}

function createName({ name }) {
  const sign = el("span", { class: "sign", role: "img" });
  const link = el("a", { class: "to", href: `#service=${encodeURIComponent(name)}` }, name);
  const element = el("li", {}, sign, link);
  return {
    element,
    update({ status }) {
      const { sign: mark, tone } = lookOf(status);
      setText(sign, mark);
      setAttribute(sign, "aria-label", status);
      setAttribute(sign, "title", status);
      setAttribute(element, "data-tone", tone);
    },
  };
}
