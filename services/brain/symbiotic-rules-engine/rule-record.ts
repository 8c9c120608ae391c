import type { ServiceBroker } from "moleculer";
import type { ExecutionResult, RuleWhy } from "../../../models/rule-results.ts";
import type { CompleteRule } from "../../../models/rules.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { hasRecorder, recorderOf } from "../../../runtime/record/recorder-of.ts";

/** What a rule does does not wait any longer for its record than this, ms. */
export const RECORD_LIMIT_MS = 250;
const MOST_CONDITIONS = 20;
const MOST_REMEMBERED = 10_000;

/**
 * Puts on the audit chain what rules are about to do, before they do it, and what came of it. An organism that cannot write is
 * kept in balance all the same, and says so with an entry of its own as soon as it can. Shadow rules do nothing, and have no
 * entries.
 */
export class RuleRecord {
  readonly #broker: ServiceBroker;
  readonly #clock: Clock;
  /** What was last told of a result, by its id. */
  readonly #told = new Map<string, string>();

  constructor(broker: ServiceBroker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /** Resolves when it is on this node's disk, and at the latest after 250 ms. Never rejects. */
  async fired(rule: CompleteRule, why: RuleWhy, by: "rules" | "operator"): Promise<void> {
    if (rule.mode === "shadow" || !hasRecorder(this.#broker)) return;
    const recorder = recorderOf(this.#broker);
    const { id, name, actions } = rule;
    const conditions = why.conditions.slice(0, MOST_CONDITIONS);
    const data = { rule: id, name, by, why: why.why, conditions, actions };
    const late = Promise.withResolvers<string>();
    const cancel = this.#clock.after(RECORD_LIMIT_MS, () =>
      late.resolve(`its record took more than ${RECORD_LIMIT_MS} ms`),
    );
    const written = recorder.durable("rule.fired", data, SERVICE).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const problem = await Promise.race([written, late.promise]);
    cancel();
    if (problem === undefined) return;
    this.#broker.logger.error(`${id} acts before it is on record: ${problem}`);
    recorder.durable("rule.unrecorded", { rule: id, why: problem }, SERVICE).catch(() => {});
  }

  /** What was done, and later what it was worth. */
  done({ id, rule, mode, actions }: ExecutionResult): void {
    if (mode === "shadow" || actions.length === 0 || !hasRecorder(this.#broker)) return;
    const now = JSON.stringify(actions);
    if (this.#told.get(id) === now) return;
    this.#told.set(id, now);
    if (this.#told.size > MOST_REMEMBERED) this.#told.delete(this.#told.keys().next().value!);
    const data = { execution: id, rule, actions };
    recorderOf(this.#broker)
      .durable("rule.done", data, SERVICE)
      .catch((error: Error) => this.#broker.logger.error(`what ${rule} did is not on record: ${error.message}`));
  }
}

const SERVICE = { service: "symbiotic-rules-engine" };
