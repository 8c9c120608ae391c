import type { HealingTarget } from "../../../../models/healing.ts";
import { span } from "../figures.ts";
import type { Finding } from "./finding.ts";
import type { Limits } from "./limits.ts";

const nameOf = ({ service, node }: HealingTarget) => service ?? node ?? "";

/** Counts how often something recovers only to fail again. */
export class FlappingDetector {
  readonly #limits: Limits["flapping"];
  readonly #recoveries = new Map<string, { target: HealingTarget; at: number[]; failedAgain: number }>();

  constructor(limits: Limits["flapping"]) {
    this.#limits = limits;
  }

  recovered(target: HealingTarget, now: number): void {
    const name = nameOf(target);
    const known = this.#recoveries.get(name) ?? { target: { ...target }, at: [], failedAgain: 0 };
    known.at.push(now);
    this.#recoveries.set(name, known);
  }

  failed(target: HealingTarget, now: number): void {
    const known = this.#recoveries.get(nameOf(target));
    if (known && known.at.length > 0) known.failedAgain = now;
  }

  look(now: number): Finding[] {
    const { window, times } = this.#limits;
    const found: Finding[] = [];
    for (const [name, known] of this.#recoveries) {
      known.at = known.at.filter((at) => at > now - window);
      if (known.at.length === 0) this.#recoveries.delete(name);
      const again = known.at.filter((at) => at <= known.failedAgain).length;
      if (again < times) continue;
      found.push({
        failure: "flapping",
        target: known.target,
        severity: "failure",
        evidence: [`It recovered and failed again ${again} times in ${span(window)}.`],
      });
    }
    return found;
  }
}
