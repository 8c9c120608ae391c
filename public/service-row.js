import { el, setAttribute, setText } from "./dom.js";
import { count, listed, milliseconds, percent, placeName } from "./format.js";
import { createServiceDetails } from "./service-details.js";
import { lookOf, statusMark } from "./statuses.js";

/**
 * A service's row and, once opened, its details below.
 *
 * @param {import("./types.js").ServiceRecord} record
 * @param {number} columns
 * @param {import("./organism.js").Organism} organism
 */
export function createServiceRow({ metadata: { name } }, columns, organism) {
  const mark = statusMark();
  const without = el("span", { class: "without" });
  const id = `details-of-${name}`;
  const button = el("button", { type: "button", class: "name", "aria-expanded": "false", "aria-controls": id }, name);
  const cell = (label, className, ...children) =>
    el("td", { role: "cell", class: className, "data-label": label }, ...children);
  const organ = cell("organ", "text");
  const phase = cell("phase", "number");
  const priority = cell("priority", "text");
  const nodes = cell("on", "text on");
  const calls = cell("calls", "number");
  const errors = cell("errors", "number");
  const average = cell("avg", "number");
  const p95 = cell("p95", "number");
  const restarts = cell("restarts", "number");
  const uptime = cell("uptime", "number");
  const row = el(
    "tr",
    { role: "row", class: "service", onclick: toggle },
    cell("status", "mark", mark.element),
    el("th", { role: "rowheader", scope: "row" }, button, without),
    ...[organ, phase, priority, nodes, calls, errors, average, p95, restarts, uptime],
  );
  const place = el("td", { role: "cell", colspan: columns });
  const below = el("tr", { role: "row", class: "below", id, hidden: true }, place);
  const element = el("tbody", { role: "rowgroup" }, row, below);
  /** @type {ReturnType<typeof createServiceDetails>|undefined} */
  let details;

  function toggle() {
    below.hidden = !below.hidden;
    setAttribute(button, "aria-expanded", !below.hidden);
    if (below.hidden) return details?.pause();
    if (!details) {
      details = createServiceDetails(name);
      place.append(details.element);
    }
    details.resume();
  }

  return {
    element,
    open() {
      if (below.hidden) toggle();
      button.focus({ preventScroll: true });
      element.scrollIntoView({ block: "nearest" });
    },
    /** @param {import("./types.js").ServiceRecord} record */
    update({ metadata, status, instances, metrics, restarts: all }) {
      mark.update(status);
      setAttribute(row, "data-tone", lookOf(status).tone);
      const lacking = status === "degraded" ? organism.lacking(name) : [];
      setText(without, lacking.length > 0 ? `without ${listed(lacking, 2)}` : "");
      setAttribute(without, "title", lacking.length > 0 ? `${listed(lacking)} in quarantine` : undefined);
      setText(organ, metadata.organ);
      setText(phase, String(metadata.launchPhase));
      setText(priority, metadata.priority);
      setText(
        nodes,
        listed(
          instances.map(({ node }) => placeName(node)),
          3,
        ) || "–",
      );
      setText(calls, count(metrics.requestCount));
      setText(errors, count(metrics.errorCount));
      setAttribute(errors, "data-tone", metrics.errorCount > 0 ? "bad" : undefined);
      setText(average, metrics.requestCount > 0 ? milliseconds(metrics.avgResponseTime) : "–");
      setText(p95, metrics.requestCount > 0 ? milliseconds(metrics.p95ResponseTime) : "–");
      setText(restarts, count(all));
      setAttribute(restarts, "data-tone", all > 0 ? "warn" : undefined);
      setText(uptime, percent(metrics.uptimePercentage));
      details?.saw(status);
    },
  };
}
