import type { LeafEntry } from "../entry.ts";

/** What is known of an entry's origin and target, as the recorder of each node writes it. */
interface Told {
  source?: { node?: string; service?: string; requestId?: string };
  payload?: Record<string, unknown>;
}

export interface Target {
  service?: string;
  node?: string;
}

/** Types of what the organism decides by itself. */
const DECISIONS = ["healing.", "organism.", "rule.", "rules.", "symbiotic.", "chaos."];

export const CARRIES_REQUEST = "it carries the request";

export function isDecision({ eventType }: Pick<LeafEntry, "eventType">): boolean {
  return DECISIONS.some((beginning) => eventType.startsWith(beginning));
}

/** Whom an event is about; captured events have theirs in `data.payload`. */
export function targetOf({ eventType, data }: Pick<LeafEntry, "eventType" | "data">): Target {
  const payload = payloadOf(data);
  const given = objectOf(payload["target"]) ?? payload;
  const isNode = eventType === "organism.node";
  const service = textOf(given["service"]) ?? (eventType === "organism.service" ? textOf(given["name"]) : undefined);
  const node = textOf(given["node"]) ?? (isNode ? textOf(given["id"]) : undefined);
  return { ...(service ? { service } : {}), ...(node ? { node } : {}) };
}

/** What ties a decision, its acts and its outcome together. */
function casesOf({ eventType, data }: LeafEntry): string[] {
  // There `id` is that of a node.
  if (eventType.startsWith("organism.")) return [];
  const payload = payloadOf(data);
  return [payload["case"], payload["id"]].filter((one): one is string => typeof one === "string" && one !== "");
}

export function payloadOf(data: Record<string, unknown>): Record<string, unknown> {
  return objectOf(data["payload"]) ?? data;
}

/** What a request went through, and what was decided about that. Entries are given in the log's order. */
export class Cause {
  readonly #services = new Set<string>();
  readonly #nodes = new Set<string>();
  readonly #cases = new Set<string>();

  /** @param own the entries that carry the request */
  constructor(own: readonly LeafEntry[]) {
    for (const entry of own) {
      const { node, service } = (entry.data as Told).source ?? {};
      if (service) this.#services.add(service);
      if (node) this.#nodes.add(node);
      if (isDecision(entry)) for (const one of casesOf(entry)) this.#cases.add(one);
    }
  }

  /** Why a decision belongs to the request; undefined where it does not. What belongs leads on to what belongs to it. */
  because(entry: LeafEntry): string | undefined {
    const because = isDecision(entry) ? this.#why(entry) : undefined;
    if (because) for (const one of casesOf(entry)) this.#cases.add(one);
    return because;
  }

  #why(entry: LeafEntry): string | undefined {
    if (casesOf(entry).some((one) => this.#cases.has(one))) return "it belongs to a decision that is told here";
    const { service, node } = targetOf(entry);
    if (service && this.#services.has(service)) return `it is about ${service}, which the request went through`;
    if (!service && node && this.#nodes.has(node)) return `it is about ${node}, which the request went through`;
    return undefined;
  }
}

/** The request that an entry was recorded in, as the recorder of each node writes it. */
export function requestIdOf(data: Record<string, unknown>): string | undefined {
  return textOf(objectOf(data["source"])?.["requestId"]) ?? textOf(data["requestId"]);
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
