import { el, reconcile, setAttribute, setText } from "./dom.js";
import { createServiceRow } from "./service-row.js";
import { lookOf } from "./statuses.js";

/** @typedef {import("./types.js").ServiceRecord} ServiceRecord */

/**
 * `value`: what is sorted by. `down`: numbers start with the largest.
 *
 * @type {{key: string, title: string, hint?: string, number?: boolean, down?: boolean, value: (record: ServiceRecord) => string|number}[]}
 */
const COLUMNS = [
  { key: "status", title: "status", value: ({ status }) => lookOf(status).rank },
  { key: "name", title: "service", value: ({ metadata }) => metadata.name },
  { key: "organ", title: "organ", value: ({ metadata }) => metadata.organ },
  { key: "phase", title: "phase", hint: "of the launch", number: true, value: ({ metadata }) => metadata.launchPhase },
  { key: "priority", title: "priority", value: ({ metadata }) => PRIORITIES.indexOf(metadata.priority) },
  { key: "nodes", title: "on", value: ({ instances }) => instances.map(({ node }) => node).join(" ") },
  { key: "calls", title: "calls", number: true, down: true, value: ({ metrics }) => metrics.requestCount },
  { key: "errors", title: "errors", number: true, down: true, value: ({ metrics }) => metrics.errorCount },
  {
    key: "avg",
    title: "avg",
    hint: "mean response time",
    number: true,
    down: true,
    value: ({ metrics }) => metrics.avgResponseTime,
  },
  {
    key: "p95",
    title: "p95",
    hint: "95 of 100 calls are faster",
    number: true,
    down: true,
    value: ({ metrics }) => metrics.p95ResponseTime,
  },
  { key: "restarts", title: "restarts", number: true, down: true, value: ({ restarts }) => restarts },
  { key: "uptime", title: "uptime", number: true, value: ({ metrics }) => metrics.uptimePercentage },
];
const PRIORITIES = ["critical", "high", "medium", "low"];

/**
 * The table of services: sorted, filtered, and each row opens to its details.
 *
 * @param {HTMLElement} root
 * @param {import("./organism.js").Organism} organism
 */
export function createServices(root, organism) {
  const filter = el("input", {
    type: "search",
    id: "service-filter",
    placeholder: "filter: name, status, organ, node",
    "aria-label": "Filter services",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => draw(true),
  });
  const sortBy = el(
    "select",
    { "aria-label": "Sort by", onchange: () => sort(sortBy.value) },
    ...COLUMNS.map(({ key, title }) => el("option", { value: key }, title)),
  );
  const note = el("p", { class: "note", role: "status" });
  const heads = new Map(COLUMNS.map((column) => [column.key, createHead(column, () => sort(column.key))]));
  const head = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads.values()));
  const table = el("table", { role: "table", "aria-labelledby": "services-title" }, head);
  root.append(
    el(
      "div",
      { class: "head" },
      el("h2", { id: "services-title" }, "Services"),
      note,
      el("label", { class: "narrow" }, "sort ", sortBy),
      filter,
    ),
    el("div", { class: "scroll services", tabindex: "0", role: "region", "aria-labelledby": "services-title" }, table),
  );
  let sorted = { key: "status", down: false };
  /** @type {string[]} names as they stand */
  let order = [];
  const rows = new Map();
  markSorted();

  function sort(key) {
    const { down = false } = COLUMNS.find((column) => column.key === key);
    sorted = { key, down: sorted.key === key ? !sorted.down : down };
    markSorted();
    draw(true);
  }

  function markSorted() {
    for (const [key, cell] of heads)
      setAttribute(cell, "aria-sort", key !== sorted.key ? undefined : sorted.down ? "descending" : "ascending");
    sortBy.value = sorted.key;
  }

  /** Rows keep their places under the reader's hand, unless it was this hand that sorted. */
  function draw(asked = false) {
    const wanted = [...organism.records.values()]
      .filter((record) => fits(record, filter.value))
      .sort(comparison(sorted));
    const held = !asked && (table.matches(":hover") || table.contains(document.activeElement));
    if (held) {
      const place = new Map(order.map((name, index) => [name, index]));
      const placeOf = ({ metadata }) => place.get(metadata.name) ?? order.length;
      wanted.sort((a, b) => placeOf(a) - placeOf(b));
    }
    order = wanted.map(({ metadata }) => metadata.name);
    const total = organism.records.size;
    setText(note, wanted.length === total ? `${total}` : `${wanted.length} of ${total}`);
    reconcile(
      table,
      wanted,
      ({ metadata }) => metadata.name,
      (record) => {
        const row = createServiceRow(record, COLUMNS.length, organism);
        rows.set(record.metadata.name, row);
        return row;
      },
      head,
    );
    for (const name of rows.keys()) if (!order.includes(name)) rows.delete(name);
  }

  return {
    draw: () => draw(),
    /** Brings a service's details into view. */
    open(name) {
      if (!rows.has(name)) {
        filter.value = "";
        draw(true);
      }
      rows.get(name)?.open();
    },
  };
}

function createHead({ title, hint, number }, onclick) {
  return el(
    "th",
    { role: "columnheader", scope: "col", class: number ? "number" : undefined, title: hint },
    el("button", { type: "button", onclick }, title),
  );
}

function fits({ metadata, status, instances }, text) {
  const all = [metadata.name, status, metadata.organ, metadata.priority, ...instances.map(({ node }) => node)]
    .join(" ")
    .toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function comparison({ key, down }) {
  const { value } = COLUMNS.find((column) => column.key === key);
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return (a, b) =>
    (down ? -1 : 1) * compare(value(a), value(b)) ||
    a.metadata.launchPhase - b.metadata.launchPhase ||
    compare(a.metadata.name, b.metadata.name);
}
