import { hash } from "node:crypto";
import { currentRequestId } from "../request-scope.ts";
import { type CaptureRule, CaptureRules, DEFAULT_RULES, textAt, valueAt } from "./capture-rules.ts";
import { payloadJson } from "./payload.ts";
import type { Grade } from "./record.ts";
import type { RecordOptions } from "./recorder.ts";

/** Where captured events go. */
export interface CaptureSink {
  capture(grade: Grade, event: string, payload: unknown, options: RecordOptions): Promise<unknown> | undefined;
}

/** What Moleculer's `emit` and `broadcast` take; of the context in which the event is told, what is of use here. */
interface EmitOptions {
  requestID?: string;
  parentCtx?: { requestID?: string | null; service?: { fullName?: string } | null; meta?: unknown } | null;
}

type Emit = (event: string, payload?: unknown, options?: unknown) => Promise<unknown>;

const LONGEST_NAME = 200;
/** Most event names of which the last state is remembered, for rules that record changes alone. */
const MOST_STATES = 10_000;

/** Stands in `emit` and `broadcast` of a node, and records the events that its rules name. */
export class Capture {
  readonly rules = new CaptureRules([]);
  readonly #sink: CaptureSink;
  /** What services of this node declare, by service. */
  readonly #declared = new Map<string, readonly CaptureRule[]>();
  readonly #states = new Map<string, string>();
  #configured: readonly CaptureRule[];
  #on = true;
  /** The broadcast under way, whose local half comes through `broadcastLocal` once more. */
  #broadcasting: { event: string; payload: unknown } | undefined;

  /** @param configured rules beside the default ones, which they do not replace */
  constructor(sink: CaptureSink, configured: readonly CaptureRule[] = []) {
    this.#sink = sink;
    this.#configured = configured;
    this.#renew();
  }

  get isOn(): boolean {
    return this.#on;
  }

  turn(on: boolean): void {
    this.#on = on;
  }

  configure(rules: readonly CaptureRule[]): void {
    this.#configured = rules;
    this.#renew();
  }

  /** What a service says in `metadata.audited`; nothing takes it back. */
  declare(service: string, rules: readonly CaptureRule[]): void {
    if (rules.length > 0) this.#declared.set(service, rules);
    else if (!this.#declared.delete(service)) return;
    this.#renew();
  }

  readonly emit = (next: Emit): Emit => {
    return (event, payload, options) => {
      const rule = this.#ruleOf(event);
      return rule
        ? both(this.#take(rule, event, payload, options), next(event, payload, options))
        : next(event, payload, options);
    };
  };

  readonly broadcast = (next: Emit): Emit => {
    return (event, payload, options) => {
      const rule = this.#ruleOf(event);
      if (!rule) return next(event, payload, options);
      const durable = this.#take(rule, event, payload, options);
      this.#broadcasting = { event, payload };
      try {
        return both(durable, next(event, payload, options));
      } finally {
        this.#broadcasting = undefined;
      }
    };
  };

  readonly broadcastLocal = (next: Emit): Emit => {
    return (event, payload, options) => {
      const within = this.#broadcasting;
      if (within?.event === event && within.payload === payload) {
        this.#broadcasting = undefined;
        return next(event, payload, options);
      }
      const rule = this.#ruleOf(event);
      return rule
        ? both(this.#take(rule, event, payload, options), next(event, payload, options))
        : next(event, payload, options);
    };
  };

  #ruleOf(event: string): CaptureRule | null {
    return this.#on && typeof event === "string" ? this.rules.of(event) : null;
  }

  #take(rule: CaptureRule, event: string, payload: unknown, options: unknown): Promise<unknown> | undefined {
    if (rule.changesOf !== undefined && !this.#hasChanged(event, payload, rule.changesOf)) return undefined;
    const { requestID, parentCtx } = (options ?? {}) as EmitOptions;
    return this.#sink.capture(rule.grade, event, payload, {
      service: parentCtx?.service?.fullName,
      requestId: requestID ?? parentCtx?.requestID ?? currentRequestId(),
      subject: nameOf(rule.subject && textAt(payload, rule.subject)),
      actor: nameOf(rule.actor ? textAt(payload, rule.actor) : textAt(parentCtx?.meta, "user.id")),
    });
  }

  #hasChanged(event: string, payload: unknown, path: string): boolean {
    const state = payloadJson(valueAt(payload, path)).json ?? "";
    if (this.#states.get(event) === state) return false;
    if (this.#states.size >= MOST_STATES) this.#states.clear();
    this.#states.set(event, state);
    return true;
  }

  #renew(): void {
    this.rules.replace([...this.#configured, ...[...this.#declared.values()].flat(), ...DEFAULT_RULES]);
  }
}

/** The chain takes names of this length; a longer one still stands for the same person, by its hash. */
function nameOf(text: string | undefined): string | undefined {
  return text === undefined || text.length <= LONGEST_NAME ? text : hash("sha256", text);
}

/** Who waits for an event to be told waits for its record, too; what the event itself ends in stays as it is. */
function both(durable: Promise<unknown> | undefined, told: Promise<unknown>): Promise<unknown> {
  return durable ? durable.then(() => told) : told;
}
