import { listed, milliseconds, placeName } from "./format.js";

/** What a service_event says; `starting` and `started` of one start become one entry. */
const EVENTS = {
  starting: { words: (names, on) => `${names} ${be(names)} starting on ${on}`, tone: "move" },
  started: { words: (names, on) => `${names} started on ${on}`, tone: "good" },
  stopped: { words: (names, on) => `${names} stopped on ${on}`, tone: "off" },
  failed: { words: (names, on) => `${names} failed to start on ${on}`, tone: "bad" },
  unhealthy: { words: (names, on) => `${names} became unhealthy on ${on}`, tone: "bad" },
  recovered: { words: (names, on) => `${names} recovered on ${on}`, tone: "good" },
  timeout: {
    words: (names, on) => `${names} did not start in time on ${on}, and ${be(names)} still trying`,
    tone: "warn",
  },
  quarantined: {
    words: (names, on) => `${names} went into quarantine on ${on}: too many attempts failed`,
    tone: "held",
  },
  released: { words: (names, on) => `${names} ${be(names)} out of quarantine on ${on}`, tone: "move" },
};

function be(names) {
  return / and /.test(names) ? "are" : "is";
}

/** @param {{event: string, names: string[], node: string, tookMs?: number}} entry */
export function eventWords({ event, names, node, tookMs }) {
  const on = node.startsWith("program:") ? `its ${placeName(node)}` : node;
  const text = EVENTS[event]?.words(listed(names), on) ?? `${listed(names)}: ${event} on ${on}`;
  return tookMs === undefined ? text : `${text} after ${milliseconds(tookMs)}`;
}

export function eventTone(event) {
  return EVENTS[event]?.tone ?? "off";
}
