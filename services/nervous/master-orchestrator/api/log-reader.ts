import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

export interface LogQuery {
  /** Node, service or program. */
  name?: string;
  requestId?: string;
  /** Least level. */
  level?: string;
  lines: number;
}

export interface LogLine {
  time: string;
  level: string;
  node: string;
  source: string;
  message: string;
  requestId?: string;
  [key: string]: unknown;
}

/** Bytes read from the end of each file at most. */
const TAIL_BYTES = 2 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The newest lines of all nodes' logs that fit the query, oldest first. */
export function readLogs(folder: string, query: LogQuery): LogLine[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder)
    .filter((file) => file.endsWith(".log"))
    .flatMap((file) => newest(join(folder, file), file.slice(0, -".log".length), query));
  return found
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .slice(-query.lines)
    .map(({ line }) => line);
}

/** A line that is no record of ours, as a service's own `console.log`, is shown as it is. */
export function parseLine(text: string, owner: string): LogLine {
  if (text.startsWith('{"time"')) {
    try {
      return JSON.parse(text);
    } catch {
      // cut short by a crash or a rotation
    }
  }
  return { time: "", level: "info", node: owner, source: owner, message: text };
}

/** Of one file, oldest first. No more is read and parsed than is asked for: the page asks once a second. */
function newest(path: string, owner: string, query: LogQuery): { at: string; line: LogLine }[] {
  const least = query.level ? LEVELS.indexOf(query.level) : 0;
  const found: { at: string; line: LogLine }[] = [];
  // A line without a time stands beside the record that follows it, or else has the time of the last write.
  let at = statSync(path).mtime.toISOString();
  for (const text of linesFromEnd(path)) {
    if (query.requestId && !text.includes(query.requestId)) continue;
    const line = parseLine(text, owner);
    if (line.time !== "") at = line.time;
    const { name, requestId } = query;
    if (name && line.node !== name && line.source !== name && owner !== name) continue;
    if (requestId && line.requestId !== requestId) continue;
    if (LEVELS.indexOf(line.level) < least) continue;
    found.push({ at, line });
    if (found.length === query.lines) break;
  }
  return found.reverse();
}

function* linesFromEnd(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const least = Math.max(0, size - TAIL_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    for (let end = size; end > least; ) {
      const start = Math.max(least, end - CHUNK_BYTES);
      const chunk = Buffer.alloc(end - start);
      readSync(file, chunk, 0, chunk.length, start);
      const block = Buffer.concat([chunk, rest]);
      end = start;
      // The first line of a block may have begun before it.
      const first = start === 0 ? 0 : block.indexOf(NEWLINE) + 1;
      const whole = start > 0 && first === 0 ? block.subarray(block.length) : block.subarray(first);
      rest = whole.length === 0 ? block : block.subarray(0, first);
      const lines = whole.toString().split("\n");
      for (let index = lines.length - 1; index >= 0; index--) if (lines[index] !== "") yield lines[index]!;
    }
  } finally {
    closeSync(file);
  }
}
