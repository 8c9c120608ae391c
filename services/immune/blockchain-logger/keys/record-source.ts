/** Where a captured entry was recorded: `{node, instance, epoch, seq, service?, requestId?}`, and nothing else. */
export interface RecordSource {
  node: string;
  instance: string;
  epoch: number;
  seq: number;
  service?: string;
  requestId?: string;
}

const TEXTS = ["node", "instance", "service", "requestId"];
const NUMBERS = ["epoch", "seq"];
const NEEDED = ["node", "instance", "epoch", "seq"];

/**
 * The source that a node's recorder gives. It stays readable where the rest is sealed: it says nothing of the person, and
 * without it nobody could find out whether what a node has recorded is in the log.
 */
export function recordSourceOf(data: Record<string, unknown>): RecordSource | undefined {
  const source = data["source"];
  if (source === null || typeof source !== "object" || Array.isArray(source)) return undefined;
  const members = Object.entries(source);
  const isSource =
    NEEDED.every((name) => name in source) &&
    members.every(
      ([name, value]) =>
        (TEXTS.includes(name) && typeof value === "string") || (NUMBERS.includes(name) && Number.isSafeInteger(value)),
    );
  return isSource ? (source as RecordSource) : undefined;
}
