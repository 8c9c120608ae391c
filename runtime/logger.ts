import { writeSync } from "node:fs";
import { format } from "node:util";
import { Loggers } from "moleculer";
import { currentRequestId } from "./request-scope.ts";

export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type Level = (typeof LEVELS)[number];

/** One line of a log file. */
export interface LogRecord {
  time: string;
  level: Level;
  node: string;
  /** The service that speaks, or the part of the runtime. */
  source: string;
  message: string;
  requestId?: string;
  error?: { message: string; stack?: string; [key: string]: unknown };
  fields?: Record<string, unknown>;
}

/** Where lines go: by default to standard output, which the parent has made a file. */
export interface LogTarget {
  fd: number;
  /** Only lines of this source. @default every source */
  source?: string;
  /** Only lines of at least this level. @default every level */
  atLeast?: Level;
}

interface Bindings {
  nodeID: string;
  mod: string;
  svc?: string;
}

interface LoggerFactory {
  getLogger(bindings: unknown): Record<Level, (...args: unknown[]) => void>;
}

/** Lines that could not be written, because the disk is full for example; nothing may fail for want of a log line. */
export const droppedLines = { count: 0 };

/** Moleculer's logger with one JSON object per line. */
export class JsonLogger extends Loggers.Base<object> {
  readonly #level: number;
  readonly #targets: LogTarget[];

  constructor(level: Level, targets: LogTarget[] = [{ fd: 1 }]) {
    super({});
    this.#level = LEVELS.indexOf(level);
    this.#targets = targets;
  }

  /** A level that is not written costs nothing: Moleculer logs at debug level in every call. */
  override init(factory: LoggerFactory): void {
    super.init(factory as never);
    const getLogger = factory.getLogger.bind(factory);
    factory.getLogger = (bindings) => {
      const logger = getLogger(bindings);
      for (const type of LEVELS.slice(0, this.#level)) logger[type] = () => {};
      return logger;
    };
  }

  override getLogHandler(bindings: Bindings): (type: Level, args: unknown[]) => void {
    const source = bindings.svc ?? bindings.mod;
    const targets = this.#targets.filter((target) => target.source === undefined || target.source === source);
    return (type, args) => {
      const level = LEVELS.indexOf(type);
      if (level < this.#level) return;
      const line = `${printed(record(type, bindings.nodeID, source, args))}\n`;
      for (const { fd, atLeast } of targets) {
        if (atLeast && level < LEVELS.indexOf(atLeast)) continue;
        try {
          writeSync(fd, line);
        } catch {
          droppedLines.count++;
        }
      }
    };
  }
}

/** Errors become `error`, plain objects `fields`, and the rest the message. */
function record(level: Level, node: string, source: string, args: unknown[]): LogRecord {
  const texts: unknown[] = [];
  const line: LogRecord = { time: new Date().toISOString(), level, node, source, message: "" };
  for (const arg of args) {
    if (arg instanceof Error) {
      line.error = { name: arg.name, message: arg.message, ...(arg.stack ? { stack: arg.stack } : {}) };
      const { type, code } = arg as { type?: unknown; code?: unknown };
      if (type !== undefined) line.error["type"] = type;
      if (code !== undefined) line.error["code"] = code;
    } else if (typeof arg === "object" && arg !== null && Object.getPrototypeOf(arg) === Object.prototype) {
      line.fields = { ...line.fields, ...safe(arg as Record<string, unknown>) };
    } else texts.push(arg);
  }
  line.message = texts.length > 0 ? formatted(texts) : (line.error?.message ?? "");
  const requestId = currentRequestId() ?? line.fields?.["requestId"];
  if (typeof requestId === "string") line.requestId = requestId;
  return line;
}

/** What an error carries may be anything, also what JSON does not know. */
function printed(line: LogRecord): string {
  try {
    return JSON.stringify(line);
  } catch {
    const { error, ...rest } = line;
    return JSON.stringify({ ...rest, error: { message: String(error?.message), stack: String(error?.stack) } });
  }
}

function formatted(texts: unknown[]): string {
  try {
    return format(...texts);
  } catch {
    return texts.map((text) => (typeof text === "string" ? text : `<${typeof text} that cannot be printed>`)).join(" ");
  }
}

function safe(fields: Record<string, unknown>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields));
  } catch {
    return { unprintable: formatted([fields]).slice(0, 1000) };
  }
}
