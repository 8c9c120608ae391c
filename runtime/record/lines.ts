import { crc32 } from "node:zlib";

/*
 * A file of the outbox holds one record a line:
 *
 *   7f3a09c1 {"idempotencyKey":"heart-1/…","eventType":"user.created","data":{…}}\n
 *
 * The first 8 characters are the CRC-32 of the JSON's UTF-8 bytes, in hex. JSON has no line break of its own, so a line
 * that is damaged takes no other one along.
 */

const PREFIX = 9;

export function formatLine(text: string): string {
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

/**
 * The records of a file.
 * @returns `damaged`: lines that are not what was written. What stands after the last line break is the write that a
 *   crash cut off: nobody was told that it was on disk, so it counts as nothing.
 */
export function parseLines(bytes: Buffer): { texts: string[]; damaged: number } {
  const lines = bytes.toString("utf8").split("\n");
  lines.pop();
  const texts: string[] = [];
  let damaged = 0;
  for (const line of lines) {
    const text = line.slice(PREFIX);
    if (line[PREFIX - 1] === " " && Number.parseInt(line.slice(0, PREFIX - 1), 16) === crc32(text)) texts.push(text);
    else damaged++;
  }
  return { texts, damaged };
}
