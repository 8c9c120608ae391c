import { PATIENCE, PRIORITIES, type Priority } from "./priority.ts";

/** A call that waits for its turn. */
export interface Waiting {
  priority: Priority;
  /** When it came, ms of a monotonic clock. */
  since: number;
  /** Whether it is part of another call, which waits for it. */
  isPart: boolean;
  begin(): void;
  /** `late`: its caller has given up; `full`: others were before it; `standing`: it has waited too long. */
  refuse(why: "late" | "full" | "standing"): void;
  isLate(): boolean;
  /** What is left of its caller's time, ms; infinite where he waits for ever. */
  timeLeft(): number;
}

/** Waiting that is nobody's trouble, ms. */
const TARGET_MS = 5;
/** Time between two looks at a queue that is not empty, ms. From the second one on it may stand: a burst passes. */
const INTERVAL_MS = 500;
/** It stands if so many come for each that gets its turn. What came in a burst is worked off, however long that takes. */
const STANDING = 0.9;
/** Time for which a queue that stood is not trusted, ms. */
const ALERT_MS = 10_000;

/** First in, first out, without moving what is left. */
class Fifo {
  #items: (Waiting | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Waiting | undefined {
    return this.#items[this.#head];
  }

  push(item: Waiting): void {
    this.#items.push(item);
  }

  shift(): Waiting | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head > 1000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes the first part of another call out of the row. */
  takePart(): Waiting | undefined {
    for (let i = this.#head; i < this.#items.length; i++)
      if (this.#items[i]!.isPart) return this.#items.splice(i, 1)[0];
    return undefined;
  }

  pop(): Waiting | undefined {
    return this.length > 0 ? this.#items.pop() : undefined;
  }
}

/**
 * Calls that wait for their turn, by priority and then by their arrival. The queue takes a burst, and is worked off. When
 * it stands, that is, when for half a second as many come as get their turn, there is more to do than can be done: then
 * only so many wait as get their turn at once, and the rest is refused early.
 */
export class AdmissionQueue {
  readonly #maxLength: number;
  readonly #lanes = PRIORITIES.map(() => new Fifo());
  #length = 0;
  #lookedAt = 0;
  #wasEmpty = true;
  /** Since then. */
  #came = 0;
  #begun = 0;
  #alertUntil = Number.NEGATIVE_INFINITY;

  /** @param maxLength @default 10000 */
  constructor(maxLength = 10_000) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#length;
  }

  /** @param rate calls that get their turn in a millisecond @param work how long one takes by itself, ms */
  push(call: Waiting, now: number, rate: number, work: number): void {
    this.#look(now);
    this.#came++;
    const isStanding = this.isStanding(now);
    if (isStanding) this.#refuseStanding(work, now);
    const wait = rate > 0 ? this.#before(call.priority) / rate : 0;
    // Its turn would come when nobody waits for the answer any longer.
    if (wait + work > call.timeLeft() || (isStanding && wait > patience(call.priority, work))) {
      this.#refuse(call, now);
      return;
    }
    if (this.#length >= this.#maxLength && !this.#displace(call.priority)) {
      call.refuse("full");
      return;
    }
    this.#lanes[PRIORITIES.indexOf(call.priority)]!.push(call);
    this.#length++;
  }

  /** Begins the one whose turn it is. False where none is left. */
  next(now: number, work: number): boolean {
    this.#look(now);
    const isStanding = this.isStanding(now);
    for (const lane of this.#lanes) {
      for (let call = lane.shift(); call !== undefined; call = lane.shift()) {
        this.#length--;
        if (call.isLate()) call.refuse("late");
        else if (isStanding && now - call.since > patience(call.priority, work)) this.#refuse(call, now);
        else {
          this.#begun++;
          call.begin();
          return true;
        }
      }
    }
    return false;
  }

  /** Begins one that is part of another call, before its turn. False where none is left. */
  nextPart(): boolean {
    for (const lane of this.#lanes) {
      for (let call = lane.takePart(); call !== undefined; call = lane.takePart()) {
        this.#length--;
        if (call.isLate()) call.refuse("late");
        else {
          this.#begun++;
          call.begin();
          return true;
        }
      }
    }
    return false;
  }

  /** Whether more comes than can be done. */
  isStanding(now: number): boolean {
    return now < this.#alertUntil;
  }

  #look(now: number): void {
    if (this.#length > 0) {
      if (now - this.#lookedAt < INTERVAL_MS) return;
      if (!this.#wasEmpty && this.#came >= this.#begun * STANDING) this.#alertUntil = now + ALERT_MS;
    }
    this.#lookedAt = now;
    this.#wasEmpty = this.#length === 0;
    this.#came = 0;
    this.#begun = 0;
  }

  /** Those that have waited too long, so that they need not wait until their turn to be told. */
  #refuseStanding(work: number, now: number): void {
    for (const lane of this.#lanes) {
      for (let call = lane.first; call && now - call.since > patience(call.priority, work); call = lane.first) {
        lane.shift();
        this.#length--;
        this.#refuse(call, now);
      }
    }
  }

  /** As long as something has to be refused it goes on. */
  #refuse(call: Waiting, now: number): void {
    if (this.isStanding(now)) this.#alertUntil = now + ALERT_MS;
    call.refuse("standing");
  }

  /** Calls that have their turn before a new one of this priority. */
  #before(priority: Priority): number {
    let before = 0;
    for (const [i, lane] of this.#lanes.entries()) {
      before += lane.length;
      if (PRIORITIES[i] === priority) break;
    }
    return before;
  }

  /** Makes room by refusing the newest one of the least priority. False where none has less than this one. */
  #displace(priority: Priority): boolean {
    for (let i = PRIORITIES.length - 1; i > PRIORITIES.indexOf(priority); i--) {
      const call = this.#lanes[i]!.pop();
      if (!call) continue;
      this.#length--;
      call.refuse("full");
      return true;
    }
    return false;
  }
}

/** A call waits for a quarter of what one takes, so that the wait does not show beside it. */
const patience = (priority: Priority, work: number) => Math.max(TARGET_MS, work / 4) * PATIENCE[priority];
