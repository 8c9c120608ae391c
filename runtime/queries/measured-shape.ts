import type { QueryShape, ShapeFacts, ShapeRuns } from "../../models/query-facts.ts";
import { Histogram } from "../vitals/histogram.ts";

/** So many runs of one shape in one call are a pattern. */
export const REPEATS = 10;

/** What has been measured of one shape. */
export class MeasuredShape {
  readonly id: string;
  readonly text: string;
  readonly shape: QueryShape;
  /** No commit, and no waiting. */
  readonly isQuery: boolean;
  readonly times = new Histogram();
  /** How the engine is asked, and how it could be asked otherwise for the same. */
  statement = "";
  otherStatement: string | null = null;
  /** Asked in the other form. */
  rewritten = false;
  count = 0;
  returned = 0;
  largest = 0;
  readonly sampled = { runs: 0, examined: 0, returned: 0 };
  readonly #byAction: Float64Array;
  #lastCall = 0;
  #lastAction = 0;
  #inCall = 0;
  /** Runs before the last window, and before the one that is open. */
  #before = 0;
  #last = 0;
  readonly #repeats = { calls: 0, runs: 0, largest: 0, action: 0 };

  constructor(id: string, text: string, shape: QueryShape, actions: number) {
    this.id = id;
    this.text = text;
    this.shape = shape;
    this.isQuery = shape.kind !== "commit" && shape.kind !== "lock";
    this.#byAction = new Float64Array(actions);
  }

  /** `call` is 0 where it is not known whose run it was. */
  record(us: number, returned: number, examined: number, action: number, call: number): void {
    this.count++;
    this.returned += returned;
    if (returned > this.largest) this.largest = returned;
    this.#byAction[action]!++;
    if (examined < 0) {
      this.times.record(us);
    } else {
      this.sampled.runs++;
      this.sampled.examined += examined;
      this.sampled.returned += returned;
    }
    if (call !== 0 && call === this.#lastCall) {
      this.#inCall++;
      return;
    }
    this.#endCall();
    this.#lastCall = call;
    this.#lastAction = action;
    this.#inCall = 1;
  }

  #endCall(): void {
    if (this.#inCall < REPEATS) return;
    this.#repeats.calls++;
    this.#repeats.runs += this.#inCall;
    if (this.#inCall > this.#repeats.largest) this.#repeats.largest = this.#inCall;
    this.#repeats.action = this.#lastAction;
  }

  /** A window of time is over, and another begins. */
  roll(): void {
    this.#before = this.#last;
    this.#last = this.count;
  }

  runs(): ShapeRuns {
    const { count, sum, counts } = this.times;
    return { count, sum: Math.round(sum), buckets: this.times.deltaSince(new Float64Array(counts.length)) };
  }

  facts(actions: readonly string[]): Omit<ShapeFacts, "plan"> {
    const open = this.#inCall >= REPEATS ? this.#inCall : 0;
    const { calls, runs, largest, action } = this.#repeats;
    const byAction = actions.map((name, i) => [name, this.#byAction[i]!] as const).filter(([, count]) => count > 0);
    return {
      id: this.id,
      text: this.text,
      shape: this.shape,
      count: this.count,
      timed: this.times.count,
      sum: Math.round(this.times.sum),
      buckets: this.times.deltaSince(new Float64Array(this.times.counts.length)),
      recent: this.count - this.#before,
      returned: this.returned,
      largest: this.largest,
      sampled: { ...this.sampled },
      actions: Object.fromEntries(byAction),
      repeats: {
        calls: calls + (open ? 1 : 0),
        runs: runs + open,
        largest: Math.max(largest, open),
        action: actions[open ? this.#lastAction : action] ?? "",
      },
      rewrite: this.otherStatement === null ? "none" : this.rewritten ? "used" : "possible",
    };
  }
}
