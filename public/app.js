import { createEvents } from "./events.js";
import { createGraph } from "./graph.js";
import { createHarmony } from "./harmony.js";
import { createHeader, createStreamState } from "./header.js";
import { createLogTail } from "./log-tail.js";
import { createNodes } from "./nodes.js";
import { Organism } from "./organism.js";
import { createPerformance } from "./performance.js";
import { createRecord } from "./record.js";
import { createServices } from "./services.js";
import { Stream } from "./stream.js";
import { createWarnings } from "./warnings.js";

const byId = (id) => document.getElementById(id);
const organism = new Organism();
const stream = new Stream(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/orchestrator/stream`);

const drawHeader = createHeader(byId("organism"));
const isLive = () => stream.state === "live";
const harmony = createHarmony(byId("harmony"), byId("organism"), byId("warned"), organism, isLive);
const drawNodes = createNodes(byId("node-list"), byId("nodes-note"), organism);
const services = createServices(byId("services"), organism);
const events = createEvents(byId("events"));
const graph = createGraph(byId("graph"), organism, (name) => services.open(name));
const warnings = createWarnings(byId("warnings"), byId("warned"), organism, isLive);
const record = createRecord(byId("record"), isLive);
const performanceStrip = createPerformance(byId("performance"), organism, isLive);
createLogTail(byId("log"), organism, isLive);
createStreamState(byId("stream"), stream);

/** Everything that one moment brings is drawn once; browsers draw no frames of a hidden page. */
const dirty = new Set();
function redraw(draw) {
  if (dirty.size === 0)
    requestAnimationFrame(() => {
      const due = [...dirty];
      dirty.clear();
      for (const one of due) one();
    });
  dirty.add(draw);
}
const header = () => drawHeader(organism.status);

organism.addEventListener("status", () => {
  redraw(header);
  redraw(drawNodes);
  redraw(warnings.draw);
});
organism.addEventListener("records", () => {
  redraw(services.draw);
  redraw(drawNodes);
  redraw(graph.drawStatuses);
  redraw(harmony.draw);
});
organism.addEventListener("plan", () => redraw(graph.drawPlan));
organism.addEventListener("happened", ({ detail }) => {
  events.take(detail);
  redraw(events.draw);
  if (detail.type === "healing_event") warnings.pollSoon();
});
organism.addEventListener("successor", ({ detail: { epoch, launch } }) => {
  const what = launch.done
    ? "A new orchestrator took over; what ran was kept running"
    : "The organism is launched anew";
  events.note(`${what} (epoch ${epoch})`, launch.done ? "good" : "move");
  redraw(events.draw);
});

stream.addEventListener("message", ({ detail }) => {
  const { type, data } = detail;
  if (type === "chain_block") {
    record.sealed(data);
    redraw(record.draw);
  } else if (type === "harmony_update") {
    harmony.take(data);
    redraw(harmony.draw);
  } else if (type === "alert") harmony.pollSoon();
  else organism.take(detail);
});
stream.addEventListener("state", ({ detail }) => {
  if (detail === "live") {
    organism.refresh().catch(() => {});
    void warnings.poll();
    harmony.pollSoon();
    void record.poll();
    void performanceStrip.poll();
    events
      .fetchHistory()
      .catch(() => {})
      .then(() => redraw(events.draw));
  } else {
    events.note("The connection to the orchestrator was lost", "warn");
    redraw(events.draw);
  }
});

/** `#service=<name>` opens a service. */
function readAddress() {
  const name = new URLSearchParams(location.hash.slice(1)).get("service");
  if (name) services.open(name);
}
addEventListener("hashchange", readAddress);
addEventListener("click", ({ target }) => {
  // A second click at the same link changes no address.
  if (target.closest?.("a.to")?.hash === location.hash) readAddress();
});
organism.addEventListener("records", () => requestAnimationFrame(readAddress), { once: true });

redraw(events.draw);
stream.connect();
