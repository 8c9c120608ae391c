import { DecayingHistogram } from "./decaying-histogram.ts";
import { FailureRate } from "./failure-rate.ts";
import { PeakEwma } from "./peak-ewma.ts";

/** How a call ended for the one who made it. `refused`: it was not begun, since there was too much to do. */
export type Ending = "answered" | "failed" | "refused" | "nothing";

/** What a refusal weighs beside a failure: the instance lives, and should get less. */
const REFUSAL_WEIGHT = 0.5;

/** Share of the way to each answer's time by which the best one is forgotten. */
const BEST_RISES = 1 / 4096;
/** Time in which what is known of its best loses all but 1/e where no answers come, ms. */
const BEST_DECAY_MS = 60_000;

/** What this node knows of one action of one instance, from all calls that it has made of it. The balancer goes by this. */
export class EndpointLoad {
  readonly action: string;
  readonly service: string;
  /** Where the instance is. */
  readonly node: string;
  readonly local: boolean;
  /** When this instance was first seen, ms of the model's clock. */
  readonly since: number;
  readonly latency = new PeakEwma();
  readonly failures = new FailureRate();
  inFlight = 0;
  /** About the least that an answer takes, µs; 0 before the first answer. */
  best = 0;
  /** Until when it gets no calls, ms of the model's clock; see runtime/balancer/outliers.ts. */
  ejectedUntil = 0;
  /** Times in a row that it was taken out. */
  ejections = 0;
  /** Sum of the times at which what is in flight began: the mean age follows from it without a look at each call. */
  #begun = 0;

  constructor(of: { action: string; service: string; node: string; local: boolean }, now: number) {
    this.action = of.action;
    this.service = of.service;
    this.node = of.node;
    this.local = of.local;
    this.since = now;
  }

  began(now: number): void {
    this.inFlight++;
    this.#begun += now;
  }

  ended(start: number, now: number, ending: Ending): void {
    this.inFlight--;
    this.#begun = this.inFlight === 0 ? 0 : this.#begun - start;
    if (ending === "nothing") return;
    if (ending === "answered") {
      const took = (now - start) * 1000;
      this.latency.record(took, now);
      this.best = this.best === 0 || took < this.best ? took : this.best + (took - this.best) * BEST_RISES;
    }
    // Who fails fast must not look fast: a failure can only make the average worse.
    else this.latency.record(Math.max((now - start) * 1000, this.latency.value), now);
    this.failures.record(ending === "answered" ? 0 : ending === "refused" ? REFUSAL_WEIGHT : 1, now);
  }

  /**
   * Latency to expect, µs. Calls that are under way for longer than answers took until now tell of trouble before any
   * of them has ended. While none come, a moment of trouble is soon forgotten, but hardly that even its best was slow.
   */
  expected(now: number): number {
    let latency = this.latency.at(now);
    if (latency < this.best) latency = Math.max(latency, this.best * Math.exp(-this.latency.idle(now) / BEST_DECAY_MS));
    if (this.inFlight === 0) return latency;
    return Math.max(latency, (now - this.#begun / this.inFlight) * 1000);
  }
}

/** Calls of one caller on this node to one action of one instance. */
export class CallPath {
  readonly caller: string;
  readonly endpoint: EndpointLoad;
  /** Absent where too many paths have one. */
  readonly latency: DecayingHistogram | undefined;
  /** When its histogram's last window was closed, ms of the model's clock. */
  closedAt = 0;
  inFlight = 0;
  /** Since the last report, as the two below. */
  calls = 0;
  failures = 0;
  refusals = 0;

  constructor(caller: string, endpoint: EndpointLoad, isCounted: boolean) {
    this.caller = caller;
    this.endpoint = endpoint;
    this.latency = isCounted ? new DecayingHistogram() : undefined;
  }

  began(now: number): void {
    this.inFlight++;
    this.endpoint.began(now);
  }

  ended(start: number, now: number, ending: Ending): void {
    this.inFlight--;
    this.endpoint.ended(start, now, ending);
    if (ending === "nothing") return;
    this.calls++;
    this.latency?.record((now - start) * 1000);
    if (ending === "failed") this.failures++;
    else if (ending === "refused") this.refusals++;
  }
}
