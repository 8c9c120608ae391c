import { crc32 } from "node:zlib";

/**
 * A segment file:
 *
 *     AZHIST1\n
 *     frame:  length u32 | crc32 u32 | kind u8 | body        numbers are little-endian; length and crc32 are of kind and body
 *       columns   first u32 | JSON list of keys              columns from that number on
 *       row       at f64 | f64 …                             ms since the epoch; NaN is unknown
 *
 * What stands behind a frame that is not whole is not read: it was being written when the process ended.
 */
export const MAGIC = Buffer.from("AZHIST1\n");
const KIND = { columns: 1, row: 2 } as const;
const HEADER = 8;

export interface Row {
  /** ms since the epoch */
  at: number;
  /** By number of the column; NaN is unknown. */
  values: Float64Array;
}

export function columnsFrame(first: number, keys: readonly string[]): Buffer {
  const body = Buffer.from(JSON.stringify(keys));
  const frame = Buffer.allocUnsafe(HEADER + 5 + body.length);
  frame.writeUInt32LE(first, HEADER + 1);
  body.copy(frame, HEADER + 5);
  return sealed(frame, KIND.columns);
}

export function rowFrame({ at, values }: Row): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + 9 + 8 * values.length);
  frame.writeDoubleLE(at, HEADER + 1);
  frame.set(bytesOf(values), HEADER + 9);
  return sealed(frame, KIND.row);
}

export interface Segment {
  keys: string[];
  rows: Row[];
  /** Whether all of it could be read. */
  isWhole: boolean;
}

/** Everything up to the first frame that is not whole. @param without only counts rows: their values are left empty */
export function readSegment(bytes: Buffer, without?: "values"): Segment {
  const segment: Segment = { keys: [], rows: [], isWhole: false };
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return segment;
  let at = MAGIC.length;
  while (at + HEADER < bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEADER + length;
    if (length === 0 || end > bytes.length) return segment;
    const body = bytes.subarray(at + HEADER, end);
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) return segment;
    if (!readFrame(body, segment, without)) return segment;
    at = end;
  }
  segment.isWhole = at === bytes.length;
  return segment;
}

function readFrame(body: Buffer, { keys, rows }: Segment, without?: "values"): boolean {
  if (body[0] === KIND.row && body.length >= 9 && (body.length - 9) % 8 === 0) {
    const values = new Float64Array(without ? 0 : (body.length - 9) / 8);
    bytesOf(values).set(body.subarray(9, 9 + values.byteLength));
    rows.push({ at: body.readDoubleLE(1), values });
    return true;
  }
  if (body[0] !== KIND.columns || body.length < 5 || body.readUInt32LE(1) !== keys.length) return false;
  const more = keysIn(body.toString("utf8", 5));
  for (const key of more) keys.push(key);
  return more.length > 0;
}

/** As they are in memory: little-endian on every machine that Node runs on but s390x, which reads its own files. */
function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function keysIn(json: string): string[] {
  try {
    const keys: unknown = JSON.parse(json);
    return Array.isArray(keys) ? keys.map(String) : [];
  } catch {
    return [];
  }
}

function sealed(frame: Buffer, kind: number): Buffer {
  frame[HEADER] = kind;
  frame.writeUInt32LE(frame.length - HEADER, 0);
  frame.writeUInt32LE(crc32(frame.subarray(HEADER)), 4);
  return frame;
}
