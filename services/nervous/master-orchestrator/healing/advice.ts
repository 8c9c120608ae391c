import { RUNGS, type Rung } from "../../../../models/healing.ts";
import { signatureOf } from "../../../../runtime/healing/signature.ts";

export type LearningMode = "off" | "shadow" | "on";

/** With which rung to begin, by the kind of failure, as the healer has learnt it. Empty: the plain ladder. */
export class Advice {
  mode: LearningMode = "off";
  #rungs: Record<string, Rung> = {};

  take(rungs: Record<string, Rung>, mode: LearningMode): void {
    this.mode = mode;
    // Quarantine is never where healing begins.
    this.#rungs = Object.fromEntries(
      Object.entries(rungs).filter(([, rung]) => RUNGS.includes(rung) && rung !== "quarantine"),
    );
  }

  signature(failure: string, service: string, error: string): string {
    return signatureOf(failure, service, error);
  }

  /** The rung to begin with; nothing where nothing was learnt, or where it is not to be used. */
  for(signature: string | undefined): Rung | undefined {
    return this.mode === "on" && signature ? this.#rungs[signature] : undefined;
  }

  /** What it would be if it were used. */
  shadow(signature: string | undefined): Rung | undefined {
    return this.mode === "shadow" && signature ? this.#rungs[signature] : undefined;
  }
}
