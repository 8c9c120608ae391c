import type { FieldError } from "../../../runtime/field-errors.ts";
import { NAME } from "./experiment.ts";
import { checkFields, oneOf, optional, some, text, whole } from "./field-check.ts";

/** Experiments one after the other, each from a healthy organism. */
export interface Suite {
  name: string;
  description: string;
  experiments: string[];
  /** `random`: drawn by the seed, until `duration` is over. @default "listed" */
  order?: "listed" | "random";
  /** ms; only with `random`. */
  duration?: number;
  /** Between two experiments, ms. @default 1000 */
  pause?: number;
}

/** @param known names of the experiments that there are */
export function readSuite(given: unknown, known: readonly string[]): { suite: Suite } | { errors: FieldError[] } {
  const errors = checkFields("", given, {
    name: NAME,
    description: text(500),
    experiments: some(NAME, 200),
    order: optional(oneOf("listed", "random")),
    duration: optional(whole(1000, 24 * 3_600_000, "ms")),
    pause: optional(whole(0, 600_000, "ms")),
  });
  if (errors.length > 0) return { errors };
  const suite = given as Suite;
  suite.experiments.forEach((name, i) => {
    if (!known.includes(name))
      errors.push({ field: `experiments[${i}]`, value: name, allowed: `one of ${known.join(", ")}` });
  });
  if ((suite.order === "random") !== (suite.duration !== undefined))
    errors.push({ field: "duration", value: suite.duration, allowed: 'given with "order": "random", and only then' });
  return errors.length > 0 ? { errors } : { suite };
}
