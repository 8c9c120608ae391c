import type { HealingRecord } from "../../../../models/healing.ts";
import { familyOf } from "../../../../runtime/healing/signature.ts";
import { add, noEvidence } from "./evidence.ts";
import {
  type Choice,
  CLIMBED,
  type ClimbedRung,
  isClimbed,
  type Knowledge,
  type Ladder,
  waitBefore,
} from "./thompson.ts";

/** Times to recover that are kept of each kind, the last ones. */
const TIMES_KEPT = 100;
/** Failures of one signature that are followed at once: it may fall ill on several nodes. */
const CASES_FOLLOWED = 8;

/** A failure that is being dealt with. */
interface OpenCase {
  acts: number;
  /** Until the last act ended, ms. */
  duration: number;
  lost: number;
  /** Time of an earlier recovery that did not last, ms. */
  carried: number;
  advised: boolean;
}

interface Recovery {
  target: string;
  attempt: number;
  rung: ClimbedRung;
  /** ms since the epoch. */
  endedAt: number;
  time: number;
  advised: boolean;
}

export interface IllnessState {
  signature: string;
  outcomes: number;
  quarantined: number;
  first: number;
  last: number;
  knowledge: Knowledge;
  /** When its evidence was last faded, ms since the epoch. */
  fadedAt: number;
  before: number[];
  after: number[];
}

/** What weighs how much. */
export interface Weights {
  /** Whether failures are begun as advised. */
  applied: boolean;
  ladder: Ladder;
  /** What one lost call costs, ms. */
  lost: number;
  /** A target that fails again within this time had not recovered, ms. */
  stable: number;
}

/** All that was seen of one signature: which rungs helped, at what cost, and how long recovery took. */
export class Illness {
  readonly family: string;
  readonly state: IllnessState;
  choice: (Choice & { at: number }) | undefined;
  /** When something was found out at the expense of a failure, ms since the epoch. */
  experiments: number[] = [];
  readonly #open = new Map<string, OpenCase>();
  #recovery: Recovery | undefined;

  constructor(signature: string, now: number, state?: IllnessState) {
    this.family = familyOf(signature);
    this.state = state ?? {
      signature,
      outcomes: 0,
      quarantined: 0,
      first: now,
      last: now,
      knowledge: unknown(),
      fadedAt: now,
      before: [],
      after: [],
    };
  }

  /** Takes in one act. Returns true where the failure has ended with it, well or not. */
  observe(record: HealingRecord, now: number, weights: Weights): boolean {
    const found = this.#follow(record);
    const isFirst = found.acts++ === 0;
    if (isFirst) this.#begin(found, record, now, weights);
    const duration = Math.max(0, record.duration - found.duration);
    const lost = Math.max(0, (record.lost ?? 0) - found.lost);
    Object.assign(found, { duration: record.duration, lost: record.lost ?? found.lost });
    this.state.last = now;
    if (record.rung && isClimbed(record.rung)) {
      const own = ownTime(duration, isFirst ? 0 : waitBefore(weights.ladder, record.attempt));
      // Calls that were lost in the wait before it are no cost of this attempt.
      const cost = own + weights.lost * lost * (duration > 0 ? own / duration : 1);
      add(this.state.knowledge[record.rung], record.success, cost);
      this.state.outcomes++;
    }
    const ended = record.success || record.rung === "quarantine";
    if (!ended) return false;
    this.#open.delete(record.case ?? record.id);
    if (record.success) this.#recovered(record, found);
    else this.state.quarantined++;
    return true;
  }

  /** Something else was done meanwhile, as waiting for a dependency: its time is no cost of the attempt after it. */
  pass(record: HealingRecord): void {
    const found = this.#follow(record);
    Object.assign(found, { duration: record.duration, lost: record.lost ?? found.lost });
    if (record.success) this.#open.delete(record.case ?? record.id);
  }

  #follow(record: HealingRecord): OpenCase {
    const id = record.case ?? record.id;
    const known = this.#open.get(id);
    if (known) return known;
    const found = { acts: 0, duration: 0, lost: 0, carried: 0, advised: false };
    if (this.#open.size >= CASES_FOLLOWED) this.#open.delete(this.#open.keys().next().value!);
    this.#open.set(id, found);
    return found;
  }

  #begin(found: OpenCase, record: HealingRecord, now: number, { applied, stable }: Weights): void {
    const relapse = this.#relapse(record, stable);
    const asChosen = applied && record.rung === this.choice?.rung;
    found.carried = relapse?.time ?? 0;
    found.advised = relapse?.advised ?? asChosen;
    if (asChosen && !relapse && this.choice?.exploring) this.experiments.push(now);
  }

  /** It failed again before it was stable, and the ladder went on climbing: what seemed to help did not. */
  #relapse(record: HealingRecord, stable: number): Recovery | undefined {
    const last = this.#recovery;
    if (!last || last.target !== targetOf(record) || record.attempt !== last.attempt + 1) return undefined;
    if (Date.parse(record.at) - last.endedAt > stable) return undefined;
    const evidence = this.state.knowledge[last.rung];
    const moved = Math.min(1, evidence.successes);
    evidence.successes -= moved;
    evidence.failures += moved;
    (last.advised ? this.state.after : this.state.before).pop();
    this.#recovery = undefined;
    return last;
  }

  #recovered(record: HealingRecord, { carried, advised }: OpenCase): void {
    const time = carried + record.duration;
    const times = advised ? this.state.after : this.state.before;
    times.push(time);
    if (times.length > TIMES_KEPT) times.shift();
    if (!record.rung || !isClimbed(record.rung)) return;
    const endedAt = Date.parse(record.at) + record.duration;
    const { rung, attempt } = record;
    this.#recovery = { target: targetOf(record), attempt, rung, endedAt, time, advised };
  }
}

function unknown(): Knowledge {
  return Object.fromEntries(CLIMBED.map((rung) => [rung, noEvidence()])) as Knowledge;
}

function targetOf({ target }: HealingRecord): string {
  return `${target.service ?? ""}@${target.node ?? ""}`;
}

/** A record's time contains the wait before the attempt. Waits vary by a quarter; one far shorter was not this wait. */
function ownTime(duration: number, wait: number): number {
  return duration >= 0.7 * wait ? duration - wait : duration;
}
