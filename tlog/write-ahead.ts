import { crc32 } from "node:zlib";
import { MalformedLog } from "./malformed-log.ts";

/**
 * A write-ahead file: what the log has acknowledged and not yet laid out in tiles. It is a row of records, each
 * `length u32 | crc32 u32 | type u8 | payload`, big-endian, where length counts type and payload and the checksum is over both.
 * The first record is the header; then come entries (each `length u16 | leaf bytes`) and block lines.
 */
const HEADER = 0x48; // H
const ENTRIES = 0x45; // E
const BLOCK = 0x42; // B
const FRAME = 9;
const LONGEST_RECORD = 64 * 1024 * 1024;

export interface WriteAheadHeader {
  format: "azora-write-ahead/1";
  origin: string;
  /** Number of the writer's life. */
  epoch: number;
  /** Index of the first entry that can stand here. */
  firstIndex: number;
}

export type WriteAheadRecord = { entries: Buffer[] } | { block: string };

export interface WriteAhead {
  /** Absent where even the header is not whole. */
  header?: WriteAheadHeader;
  records: WriteAheadRecord[];
  /** Length of what is whole, bytes. */
  whole: number;
  /** Where the first record stands that is not whole, though whole ones come after it: no crash does that. */
  damagedAt?: number;
}

export function headerRecord(header: WriteAheadHeader): Buffer {
  return frame(HEADER, [Buffer.from(JSON.stringify(header))]);
}

export function entriesRecord(entries: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return frame(ENTRIES, parts);
}

export function blockRecord(line: string): Buffer {
  return frame(BLOCK, [Buffer.from(line)]);
}

/** Reads as far as records are whole. @throws MalformedLog where a whole record holds what the format does not know */
export function readWriteAhead(bytes: Buffer): WriteAhead {
  const records: WriteAheadRecord[] = [];
  let header: WriteAheadHeader | undefined;
  let offset = 0;
  for (let payload = wholeAt(bytes, offset); payload; payload = wholeAt(bytes, offset)) {
    if (offset === 0) header = readHeader(payload);
    else records.push(readRecord(payload, offset));
    offset += FRAME - 1 + payload.length;
  }
  const damaged = offset < bytes.length && wholeAfter(bytes, offset + 1);
  return { ...(header ? { header } : {}), records, whole: offset, ...(damaged ? { damagedAt: offset } : {}) };
}

function frame(type: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const record = Buffer.allocUnsafe(FRAME - 1 + length);
  record.writeUInt32BE(length, 0);
  record[FRAME - 1] = type;
  let at = FRAME;
  for (const part of parts) at += part.copy(record, at);
  record.writeUInt32BE(crc32(record.subarray(FRAME - 1)), 4);
  return record;
}

/** Type and payload of the record at an offset, where one stands there whole. */
function wholeAt(bytes: Buffer, offset: number): Buffer | undefined {
  if (offset + FRAME > bytes.length) return undefined;
  const length = bytes.readUInt32BE(offset);
  const from = offset + FRAME - 1;
  if (length < 1 || length > LONGEST_RECORD || from + length > bytes.length) return undefined;
  const payload = bytes.subarray(from, from + length);
  return crc32(payload) === bytes.readUInt32BE(offset + 4) ? payload : undefined;
}

function wholeAfter(bytes: Buffer, from: number): boolean {
  for (let offset = from; offset + FRAME <= bytes.length; offset++) {
    const type = bytes[offset + FRAME - 1];
    if ((type === ENTRIES || type === BLOCK) && wholeAt(bytes, offset)) return true;
  }
  return false;
}

function readHeader(payload: Buffer): WriteAheadHeader {
  const header = payload[0] === HEADER ? (JSON.parse(payload.toString("utf8", 1)) as WriteAheadHeader) : undefined;
  if (header?.format !== "azora-write-ahead/1") throw new MalformedLog("it is no write-ahead file of this version");
  return header;
}

function readRecord(payload: Buffer, offset: number): WriteAheadRecord {
  if (payload[0] === BLOCK) return { block: payload.toString("utf8", 1) };
  if (payload[0] !== ENTRIES) throw new MalformedLog(`the record at byte ${offset} has the unknown type ${payload[0]}`);
  const entries: Buffer[] = [];
  for (let at = 1; at < payload.length; ) {
    const end = at + 2 <= payload.length ? at + 2 + payload.readUInt16BE(at) : Number.POSITIVE_INFINITY;
    if (end > payload.length) throw new MalformedLog(`the record at byte ${offset} ends within an entry`);
    entries.push(payload.subarray(at + 2, end));
    at = end;
  }
  return { entries };
}
