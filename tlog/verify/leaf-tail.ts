/** What the verifier needs to know of every leaf, read from its end without parsing the whole. */

/**
 * The members after `data`, which are the last ones in canonical order. In valid JSON a quote within a text has a
 * backslash before it, so the last `,"eventType":"` in a leaf is its own one and none that stands in a text or in data.
 */
const EVENT_TYPE = ',"eventType":"';
const TEXT = '"(?:[^"\\\\]|\\\\.)+"';
const TAIL = new RegExp(
  `,"eventType":(${TEXT}),"id":"[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",` +
    `"index":([0-9]+),"previousHash":"([0-9a-f]{64})"(?:,"subject":${TEXT})?,` +
    `"timestamp":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z)","validator":${TEXT}\\}`,
  "y",
);

export interface LeafTail {
  /** With its quotes, as the bytes have it. */
  eventType: string;
  index: string;
  previousHash: string;
  timestamp: string;
}

/**
 * @param text bytes as latin1, one character each
 * @param start where the leaf begins in it
 * @param end where it ends
 * @returns undefined where the leaf has no such end
 */
export function readTail(text: string, start: number, end: number): LeafTail | undefined {
  if (!text.startsWith('{"data":{', start) && !text.startsWith('{"actor":"', start)) return undefined;
  TAIL.lastIndex = text.lastIndexOf(EVENT_TYPE, end);
  if (TAIL.lastIndex < start || text[TAIL.lastIndex - 1] !== "}") return undefined;
  const found = TAIL.exec(text);
  if (!found || TAIL.lastIndex !== end) return undefined;
  return { eventType: found[1]!, index: found[2]!, previousHash: found[3]!, timestamp: found[4]! };
}
