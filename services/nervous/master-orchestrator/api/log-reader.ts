import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
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
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The newest lines of all nodes' logs that fit the query, oldest first. */
export function readLogs(folder: string, { name, requestId, level, lines }: LogQuery): LogLine[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".log"));
  const least = level ? LEVELS.indexOf(level) : 0;
  const found: LogLine[] = [];
  for (const file of files) {
    const owner = file.slice(0, -".log".length);
    for (const text of tail(join(folder, file)).split("\n")) {
      if (text === "" || (requestId && !text.includes(requestId))) continue;
      const line = parseLine(text, owner);
      if (name && line.node !== name && line.source !== name && owner !== name) continue;
      if (requestId && line.requestId !== requestId) continue;
      if (LEVELS.indexOf(line.level) < least) continue;
      found.push(line);
    }
  }
  return found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-lines);
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

function tail(path: string): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    readSync(file, buffer, 0, length, size - length);
    const text = buffer.toString();
    return length < size ? text.slice(text.indexOf("\n") + 1) : text;
  } finally {
    closeSync(file);
  }
}
