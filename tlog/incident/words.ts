import type { LeafEntry } from "../entry.ts";
import { payloadOf, targetOf } from "./cause.ts";

/** Longest sentence, in characters. */
const MOST_CHARACTERS = 300;

/** What an entry says, as one sentence of plain words. The same entry always gives the same words. */
export function sayEntry(entry: LeafEntry): string {
  const { data, eventType, actor, subject } = entry;
  const payload = payloadOf(data);
  const about = subject === undefined ? "" : ` about ${subject}`;
  const by = actor === undefined ? "" : ` by ${actor}`;
  const where = placeOf(data);
  if ("sealed" in data) return cut(`${eventType}${about}${by}${where}; its personal data is sealed`);
  const special = SENTENCES[eventType]?.(payload, whom(entry));
  if (special) return cut(`${special}${about}${by}`);
  return cut(`${eventType}${about}${by}${where}: ${JSON.stringify(payload)}`);
}

type Payload = Record<string, unknown>;

const SENTENCES: Record<string, (payload: Payload, whom: string) => string> = {
  "healing.decided": ({ action, failure, reason }, target) =>
    `to heal ${target}${failure ? `, which was ${failure},` : ""} ${action} was decided${reason ? `: ${reason}` : ""}`,
  "healing.detected": ({ failure, evidence }, target) =>
    `${target} was seen to be ${failure}${Array.isArray(evidence) && evidence[0] ? `: ${evidence[0]}` : ""}`,
  "healing.recorded": ({ action, success, duration, reason }, target) =>
    `${action} of ${target} ${success ? "helped" : "did not help"} after ${duration} ms: ${reason}`,
  "organism.service": ({ event, node }, target) => `${target}${node ? "" : " as a whole"}: ${event}`,
  "organism.node": ({ status, why }, target) => `${target} is ${status}${why ? `: ${why}` : ""}`,
  "accounting.node": ({ report }) => reportWords(report as Report),
  "accounting.verdict": ({ since, matched, findings }) =>
    `of the ten seconds from ${since} ${amountWords(matched as Amount)} are accounted for, ${gapWords(findings)}`,
  "chain.started": ({ epoch, recovered }) =>
    `the log was opened by writer ${epoch}${recovered ? `, which recovered ${recovered} entries` : ""}`,
  "chain.refused": ({ count }) => `${count} entries were refused`,
  "chain.pruned": ({ before, bytes }) => `payload before entry ${before} was pruned, ${bytes} bytes`,
  "chain.erased": ({ subject }) => `the key of ${subject} was destroyed; its data can be read by nobody`,
  "chain.capture": ({ capture, events }) =>
    `capture is ${capture}${Array.isArray(events) && events.length > 0 ? `, with ${events.join(", ")} beside what is captured anyway` : ""}`,
  "record.capture": ({ capture, by }) => `capture is ${capture} on this node${by ? `, by ${by}` : ""}`,
  "chain.key.added": ({ algorithm, keyId }) => `key ${keyId} (${algorithm}) signs from now on`,
  "chain.key.retired": ({ keyId }) => `key ${keyId} signs no longer; what it signed stays valid`,
  "chain.key.revoked": ({ keyId, reason }) => `key ${keyId} is revoked: ${reason}`,
};

interface Amount {
  calls?: number;
  events?: number;
  entries?: number;
}

interface Report {
  node?: string;
  sent?: Amount[];
  received?: Amount[];
}

function reportWords({ node, sent = [], received = [] }: Report): string {
  return `${node} has sent ${amountWords(sumOf(sent))}, and received ${amountWords(sumOf(received))}`;
}

function sumOf(amounts: Amount[]): Amount {
  const sum = (name: keyof Amount) => amounts.reduce((all, one) => all + (one[name] ?? 0), 0);
  return { calls: sum("calls"), events: sum("events") };
}

function amountWords(amount: Amount = {}): string {
  const { calls = 0, events = 0, entries } = amount;
  return `${calls} calls${entries === undefined ? "" : `, ${entries} entries`} and ${events} events`;
}

function gapWords(findings: unknown): string {
  const gaps = Array.isArray(findings)
    ? findings.filter((one) => (one as { kind?: unknown })?.kind !== "declared")
    : [];
  return gaps.length === 0 ? "and nothing is missing" : `and ${gaps.length} gaps were found`;
}

function whom(entry: LeafEntry): string {
  const { service, node } = targetOf(entry);
  if (service && node) return `${service} on ${node}`;
  return service ?? node ?? "the organism";
}

function placeOf(data: Payload): string {
  const { node, service } = (data["source"] ?? {}) as { node?: string; service?: string };
  if (!node) return "";
  return service ? ` in ${service} on ${node}` : ` on ${node}`;
}

function cut(sentence: string): string {
  const characters = [...sentence];
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS - 1).join("")}…` : sentence;
}
