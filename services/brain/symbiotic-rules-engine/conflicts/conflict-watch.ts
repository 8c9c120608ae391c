import type { RuleConflict } from "../../../../models/replay-report.ts";
import type { CompleteRule } from "../../../../models/rules.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import { NewLines } from "../new-lines.ts";
import type { Trial, TrialOutcome } from "../trials/tried.ts";

export interface ConflictWatchOptions {
  clock: Clock;
  /** Those that are loaded now. Azora's own do not fight each other. */
  rules(): Pick<Trial, "rules" | "others" | "residences">;
  run(trial: Trial): Promise<TrialOutcome>;
  /** Told once of each conflict, for as long as it lasts. */
  tell(line: string): void;
}

export interface KnownConflicts {
  conflicts: RuleConflict[];
  /** False where not each pair of rules was looked at, or where it was not done yet. */
  complete: boolean;
}

/** Rules are often changed several at a time, ms. */
const CALM_MS = 2000;

/** Finds the rules that fight, whenever other rules are loaded. They go on all the same: a person decides which is right. */
export class ConflictWatch {
  readonly #options: ConflictWatchOptions;
  readonly #news = new NewLines("conflicts of rules");
  #known: KnownConflicts = { conflicts: [], complete: false };
  #looked = "";
  #cancel: (() => void) | undefined;
  #looking = false;

  constructor(options: ConflictWatchOptions) {
    this.#options = options;
  }

  get known(): KnownConflicts {
    return this.#known;
  }

  /** Rules have been loaded: they are looked at soon, where they are others than before. */
  loaded(): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(CALM_MS, () => void this.#look());
  }

  stop(): void {
    this.#cancel?.();
  }

  /** Never rejects: what could not be found out now is, when rules are loaded the next time. */
  async #look(): Promise<void> {
    if (this.#looking) return this.loaded();
    const trial = this.#options.rules();
    const looked = fingerprint(trial);
    if (looked === this.#looked) return;
    this.#looking = true;
    try {
      const { conflicts, complete } =
        trial.rules.length === 0
          ? { conflicts: [], complete: true }
          : await this.#options.run({ ...trial, replay: false });
      this.#known = { conflicts, complete };
      this.#looked = looked;
      const lines = conflicts.map(({ rules, why }) => `rules that fight, ${rules.join(", ")}: ${why}`);
      for (const line of this.#news.among(lines)) this.#options.tell(line);
    } catch (error) {
      this.#options.tell(`which rules fight was not found out: ${(error as Error).message}`);
    } finally {
      this.#looking = false;
    }
  }
}

function fingerprint({ rules, others }: Pick<Trial, "rules" | "others">): string {
  return JSON.stringify([rules, others.map(({ id, enabled, mode }: CompleteRule) => [id, enabled, mode])]);
}
