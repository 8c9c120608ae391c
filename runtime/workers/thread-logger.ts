import { Loggers } from "moleculer";
import { LEVELS, type Level } from "../logger.ts";
import { toPlainError } from "./plain-error.ts";

interface Bindings {
  mod: string;
  svc?: string;
}

type Tell = (service: string, level: Level, args: unknown[]) => void;

/** Lines that a thread may write in a second; what is beyond is counted. */
const MOST_LINES = 1000;

/** Marks an error among the arguments of a line. */
export const ERROR = "$azoraError";

/** Sends the lines of a worker thread to its node, whose logger writes them. */
export class ThreadLogger extends Loggers.Base<object> {
  readonly #level: number;
  readonly #tell: Tell;
  readonly #dropped: (lines: number) => void;
  #second = 0;
  #lines = 0;

  constructor(level: Level, tell: Tell, dropped: (lines: number) => void) {
    super({});
    this.#level = LEVELS.indexOf(level);
    this.#tell = tell;
    this.#dropped = dropped;
  }

  override getLogHandler({ svc, mod }: Bindings): (type: Level, args: unknown[]) => void {
    return (type, args) => {
      if (LEVELS.indexOf(type) < this.#level || this.#isTooMuch()) return;
      this.#tell(svc ?? mod, type, args.map(sendable));
    };
  }

  #isTooMuch(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      if (this.#lines > MOST_LINES) this.#dropped(this.#lines - MOST_LINES);
      this.#second = second;
      this.#lines = 0;
    }
    return ++this.#lines > MOST_LINES;
  }
}

function sendable(arg: unknown): unknown {
  if (arg instanceof Error) return { [ERROR]: toPlainError(arg) };
  if (typeof arg === "function" || typeof arg === "symbol") return String(arg);
  if (typeof arg !== "object" || arg === null) return arg;
  try {
    return JSON.parse(JSON.stringify(arg) ?? "null");
  } catch {
    return `<${Object.prototype.toString.call(arg)} that cannot be printed>`;
  }
}
