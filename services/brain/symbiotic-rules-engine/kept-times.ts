import { readFile } from "node:fs/promises";
import { uptime } from "node:os";
import type { Clock } from "../../../runtime/clock.ts";
import { replaceFileBeside } from "../../../runtime/durable-file.ts";
import type { RuleEvaluator } from "../../../runtime/rules/rule-evaluator.ts";
import type { TimingSnapshot } from "../../../runtime/rules/timing-memory.ts";
import { WriteTurns } from "./write-turns.ts";

export interface KeptTimesOptions {
  path: string;
  evaluator: RuleEvaluator;
  /** Of the orchestrator that was heard last. */
  epoch(): number | undefined;
  /** Monotonic. */
  clock: Clock;
  /** ms since the epoch. */
  wall(): number;
  /** ms since the machine was started, also while it slept. @default os.uptime */
  uptime?: (() => number) | undefined;
}

interface Saved extends TimingSnapshot {
  /** When it was taken, by both clocks. */
  at: number;
  up: number;
  /** Of the orchestrator under which rules were judged. */
  epoch: number;
}

/** What is older is not gone on with, ms: nobody knows any more what happened meanwhile. */
const LONGEST_GAP_MS = 10 * 60_000;
/** The machine's two clocks may differ by so much before one of them was set, ms. */
const SLACK_MS = 2000;
const BYTES_PER_SECOND = 256 * 1024;

/**
 * What rules are in the middle of, put down each second beside the loop, and gone on with by the engine after one that was
 * killed. Nothing is synced: what the kernel has survives the process, and after a restart of the machine nothing is gone on with.
 */
export class KeptTimes {
  /** Why the newest times are not on the disk; nothing where they are. */
  failure: string | undefined;
  readonly #options: KeptTimesOptions;
  readonly #uptime: () => number;
  /** Rules are judged: what they are in the middle of is worth being put down. */
  #isTaken = false;
  #saved: Partial<Saved> | undefined;
  /** Epoch in which it was put down that nothing is under way, where that is the last that was. */
  #quietIn: number | undefined;
  readonly #turns = new WriteTurns(() => this.#write());
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeptTimesOptions) {
    this.#options = options;
    this.#uptime = options.uptime ?? (() => uptime() * 1000);
  }

  /** Never rejects: what cannot be read is as if it were not there. */
  async open(): Promise<void> {
    try {
      const read: unknown = JSON.parse(await readFile(this.#options.path, "utf8"));
      this.#saved = typeof read === "object" && read !== null ? read : undefined;
    } catch {
      this.#saved = undefined;
    }
  }

  /** Whether the engine before judged rules in this life of the orchestrator, so that no launch is to be waited for. */
  get wereJudged(): boolean {
    const epoch = this.#options.epoch();
    return epoch !== undefined && this.#saved?.epoch === epoch;
  }

  /**
   * Once, right after the rules are loaded.
   * @returns what became of it, for people; undefined where there was nothing
   */
  takeUp(): string | undefined {
    const saved = this.#saved;
    this.#isTaken = true;
    this.#saved = undefined;
    // Quiet is written once only, so that its age says nothing.
    if (!saved || isQuiet(saved)) return undefined;
    const { evaluator, clock, wall } = this.#options;
    const gap = wall() - (saved.at ?? Number.NaN);
    const seconds = Math.round(gap / 1000);
    if (!(Math.abs(gap - (this.#uptime() - (saved.up ?? Number.NaN))) <= SLACK_MS)) {
      return "rules start as new: the machine was restarted, or its clock was set";
    }
    if (gap > LONGEST_GAP_MS) return `rules start as new: for ${seconds} s none were judged`;
    evaluator.goOn(saved, clock.now() - Math.max(0, gap));
    return `rules go on where they were ${seconds} s ago`;
  }

  /** Puts down what rules are in the middle of, unless that was done a moment ago; the more it is, the rarer. */
  async keep(): Promise<void> {
    if (this.#isTaken && this.#options.clock.now() >= this.#nextAt) await this.#turns.take();
  }

  async close(): Promise<void> {
    if (this.#isTaken) await this.#turns.take();
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { evaluator, clock, wall, path } = this.#options;
    const epoch = this.#options.epoch() ?? 0;
    const now = clock.now();
    try {
      const times = evaluator.timings(now);
      const quiet = isQuiet(times);
      if (quiet && this.#quietIn === epoch) return;
      this.#quietIn = undefined;
      const saved: Saved = { at: wall(), up: this.#uptime(), epoch, ...times };
      const text = JSON.stringify(saved);
      this.#nextAt = now + (text.length / BYTES_PER_SECOND) * 1000;
      await replaceFileBeside(path, text, false);
      if (quiet) this.#quietIn = epoch;
      this.failure = undefined;
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }
}

function isQuiet({ rules, rates }: Partial<TimingSnapshot>): boolean {
  return Object.keys(rules ?? {}).length === 0 && Object.keys(rates ?? {}).length === 0;
}
