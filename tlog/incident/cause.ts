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
export function casesOf({ data }: Pick<LeafEntry, "data">): string[] {
  const payload = payloadOf(data);
  return [payload["case"], payload["id"]].filter((one): one is string => typeof one === "string" && one.length > 8);
}

export function payloadOf(data: Record<string, unknown>): Record<string, unknown> {
  return objectOf(data["payload"]) ?? data;
}

/** The services and nodes that a request went through. */
export class Participants {
  readonly #services = new Set<string>();
  readonly #nodes = new Set<string>();

  constructor(entries: readonly LeafEntry[]) {
    for (const { data } of entries) {
      const { node, service } = (data as Told).source ?? {};
      if (service) this.#services.add(service);
      if (node) this.#nodes.add(node);
    }
  }

  /** Why a decision belongs to the request; undefined where it does not. */
  because(entry: LeafEntry, cases: ReadonlySet<string>): string | undefined {
    if (casesOf(entry).some((one) => cases.has(one))) return "it belongs to a decision that is told here";
    const { service, node } = targetOf(entry);
    if (service && this.#services.has(service)) return `it is about ${service}, which the request went through`;
    if (!service && node && this.#nodes.has(node)) return `it is about ${node}, which the request went through`;
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
