/** What the verifier needs to know of every leaf, read from its end without parsing the whole. */

export interface LeafTail {
  eventType: string;
  index: string;
  previousHash: string;
  timestamp: string;
}

/*
 * The members after `data`, which are the last ones in canonical order. In valid JSON a quote within a text has a
 * backslash before it, so these marks, each of which has a quote after a comma, stand between members and in no text.
 * What lies between them is not looked at here; whoever parses the leaf does that.
 */
const EVENT_TYPE = '},"eventType":"';
const ID = '","id":"';
const ID_LENGTH = 36;
const INDEX = '","index":';
const PREVIOUS_HASH = ',"previousHash":"';
const HASH_LENGTH = 64;
const SUBJECT = '","subject":"';
const TIMESTAMP = '","timestamp":"';
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const TIME_LENGTH = 24;
const VALIDATOR = '","validator":"';

/** Ends that are longer have a long subject or event type. */
const USUAL_END = 448;
const BEGINNINGS = ['{"data":{', '{"actor":"'].map((text) => Buffer.from(text));

/** Undefined where the leaf from..end of the bytes does not begin and end like one. */
export function readTail(bytes: Buffer, start: number, end: number): LeafTail | undefined {
  if (!BEGINNINGS.some((beginning) => beginsWith(bytes, start, end, beginning))) return undefined;
  const from = Math.max(start, end - USUAL_END);
  const usual = parseTail(bytes.toString("latin1", from, end));
  return usual ?? (from > start ? parseTail(bytes.toString("latin1", start, end)) : undefined);
}

/** @param text the leaf's last bytes as latin1, one character each */
function parseTail(text: string): LeafTail | undefined {
  const mark = text.lastIndexOf(EVENT_TYPE);
  const type = mark + EVENT_TYPE.length;
  const id = text.indexOf(ID, type);
  const index = id + ID.length + ID_LENGTH;
  if (mark < 0 || id <= type || !text.startsWith(INDEX, index)) return undefined;
  const previous = text.indexOf(PREVIOUS_HASH, index);
  const hash = previous + PREVIOUS_HASH.length;
  const subject = hash + HASH_LENGTH;
  const stamp = text.startsWith(SUBJECT, subject) ? text.indexOf(TIMESTAMP, subject + SUBJECT.length) : subject;
  if (previous < 0 || stamp < 0 || !text.startsWith(TIMESTAMP, stamp)) return undefined;
  const time = stamp + TIMESTAMP.length;
  const timestamp = text.slice(time, time + TIME_LENGTH);
  const validator = time + TIME_LENGTH + VALIDATOR.length;
  const isEnd = text.startsWith(VALIDATOR, time + TIME_LENGTH) && validator < text.length - 2 && text.endsWith('"}');
  if (!isEnd || !TIME.test(timestamp)) return undefined;
  return {
    eventType: text.slice(type, id),
    index: text.slice(index + INDEX.length, previous),
    previousHash: text.slice(hash, subject),
    timestamp,
  };
}

function beginsWith(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  if (start + wanted.length > end) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}
