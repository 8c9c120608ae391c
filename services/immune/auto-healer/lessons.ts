import type { StoreMethods } from "../../../mixins/store/store.ts";
import type { HealingRecord } from "../../../models/healing.ts";
import { healingLessonsModel } from "../../../models/healing-lessons.model.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { Learner, type LessonReport } from "./learning/learner.ts";
import type { LearningMode, OrchestratorLink } from "./orchestrator-link.ts";

export interface LessonsOptions {
  clock: Clock;
  store: StoreMethods;
  link: OrchestratorLink;
  mode: LearningMode;
  timeScale: number;
  /** Restarts before quarantine. */
  attempts: number;
}

const ID = "learner";
const SAVE_AFTER_MS = 5000;

/** Learns from every outcome, and gives the orchestrator its advice. Switched off, the advice is empty. */
export class Lessons {
  readonly #options: LessonsOptions;
  readonly #learner: Learner;
  #save: (() => void) | undefined;
  /** What was saved and could not be read again. */
  lost = 0;

  constructor(options: LessonsOptions) {
    this.#options = options;
    const { clock, mode, timeScale, attempts } = options;
    this.#learner = new Learner(clock, Math.random, { applied: mode === "on", timeScale, attempts });
  }

  async load(): Promise<void> {
    const saved = await this.#options.store.collection(healingLessonsModel).findById(ID);
    if (saved) this.lost = this.#learner.restore(saved.state);
  }

  learn(record: HealingRecord): void {
    this.#learner.observe(record);
    this.#save ??= this.#options.clock.after(SAVE_AFTER_MS, () => {
      this.#save = undefined;
      void this.save().catch(() => {});
    });
  }

  async advise(): Promise<void> {
    const { link, mode } = this.#options;
    if (link.state !== "acting") return;
    await link.advise(mode === "off" ? {} : this.#learner.advice(), mode).catch(() => {});
  }

  report(): { mode: LearningMode; signatures: LessonReport[] } {
    return { mode: this.#options.mode, signatures: this.#learner.report() };
  }

  async save(): Promise<void> {
    this.#save?.();
    this.#save = undefined;
    const state = this.#learner.save();
    await this.#options.store.transaction((tx) => {
      const documents = tx.collection(healingLessonsModel);
      if (documents.findById(ID)) documents.update(ID, { state });
      else documents.insert({ _id: ID, state });
    });
  }
}
