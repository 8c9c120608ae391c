import type { CompleteRule, RuleFault, RuleOrigin } from "./rules.ts";

/** A fault of a rule, with where it stands; of a file that cannot be read `rule` is empty. */
export interface PlacedFault extends RuleFault {
  file?: string;
}

/** A rule as it is shown. */
export interface RuleView extends CompleteRule {
  origin: RuleOrigin;
  /** Where it stands, below the project. */
  file?: string;
  /** 0 for a rule that the API never touched. */
  version: number;
  active: boolean;
  /** By itself or by hand, ISO 8601; null where no firing of it is kept. */
  lastFired: string | null;
  /** Of its newest text; what runs is then the last version that had none. */
  faults: RuleFault[];
  /** What is no fault, and most likely not meant so. */
  warnings: RuleFault[];
}
