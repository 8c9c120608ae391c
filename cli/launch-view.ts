import { paint } from "./paint.ts";

/** What `launch_progress` tells. */
export interface LaunchProgress {
  phase: number;
  started: number;
  total: number;
  done: boolean;
  services: { name: string; status: string; why: string; startedAt: number }[];
}

const BAR = 28;
const SLOW_MS = 1000;
const MOST_LINES = 8;

/** Shows the launch: a picture that is drawn anew on a terminal, plain lines of what has changed elsewhere. */
export class LaunchView {
  readonly #live: boolean;
  readonly #since = Date.now();
  readonly #write: (text: string) => void;
  #height = 0;
  #lastPhase = -1;
  #told = new Set<string>();

  constructor(live: boolean, write: (text: string) => void) {
    this.#live = live;
    this.#write = write;
  }

  show(progress: LaunchProgress): void {
    if (this.#live) this.#draw(progress);
    else this.#tell(progress);
  }

  /** Takes the picture away. */
  end(): void {
    this.#erase();
  }

  #draw({ phase, started, total, services }: LaunchProgress): void {
    const filled = total === 0 ? 0 : Math.round((started / total) * BAR);
    const seconds = ((Date.now() - this.#since) / 1000).toFixed(1);
    const bar = paint("green", "█".repeat(filled)) + paint("dim", "░".repeat(BAR - filled));
    const lines = [`phase ${phase}  ${bar}  ${started} of ${total}  ${seconds} s`];
    // What is slow or in trouble comes first, then what waits for it.
    const rank = (status: string) => ["unhealthy", "quarantined", "timeout", "starting", "waiting"].indexOf(status);
    const shown = services.filter((one) => one.status !== "starting" || Date.now() - one.startedAt > SLOW_MS);
    for (const { name, status, why, startedAt } of shown
      .sort((a, b) => rank(a.status) - rank(b.status))
      .slice(0, MOST_LINES)) {
      const age = startedAt && status === "starting" ? ` for ${((Date.now() - startedAt) / 1000).toFixed(1)} s` : "";
      lines.push(
        `  ${paint(status === "waiting" ? "dim" : "yellow", why.startsWith(status) ? `${name} is ${why}` : `${name} is ${status}${age}${why ? `: ${why}` : ""}`)}`,
      );
    }
    if (shown.length > MOST_LINES) lines.push(paint("dim", `  and ${shown.length - MOST_LINES} more`));
    const width = process.stdout.columns || 80;
    this.#erase();
    this.#write(`${lines.map((line) => clip(line, width)).join("\n")}\n`);
    this.#height = lines.length;
  }

  #tell({ phase, started, total, services }: LaunchProgress): void {
    if (phase !== this.#lastPhase) {
      this.#lastPhase = phase;
      this.#write(`phase ${phase}: ${started} of ${total} services started\n`);
    }
    for (const { name, status, why } of services) {
      if (["waiting", "starting"].includes(status)) continue;
      const line = `${name} is ${status}: ${why.replace(/ in [\d.]+ s/, "")}`;
      if (!this.#told.has(line)) this.#write(`${line}\n`);
      this.#told.add(line);
    }
  }

  #erase(): void {
    if (this.#height > 0) this.#write(`\x1b[${this.#height}A\x1b[0J`);
    this.#height = 0;
  }
}

/** Colours do not count, and a line that wrapped could not be erased. */
function clip(line: string, width: number): string {
  let visible = 0;
  let out = "";
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith("\x1b")) {
      out += part;
      continue;
    }
    const room = Math.max(0, width - 1 - visible);
    out += part.slice(0, room);
    visible += Math.min(part.length, room);
  }
  return out;
}
