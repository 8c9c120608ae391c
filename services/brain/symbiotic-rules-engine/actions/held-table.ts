import type { Lever } from "../../../../runtime/rules/levers.ts";
import { REST_MS, WINDOWS } from "./give-back.ts";
import type { Held } from "./held.ts";
import { HighestNeed } from "./highest-need.ts";
import { refuse } from "./refused.ts";

/** Something held, and how its giving back stands. */
export interface Entry {
  held: Held;
  need: HighestNeed | undefined;
  /** Least time between two steps down, ms. */
  rest: number;
  /** A step down is under way. */
  busy: boolean;
  /** It comes from the last engine, and its rule was not active in this one yet. */
  restored: boolean;
  /** Not before this moment, after a step down that failed. */
  notBefore: number;
}

/** Most that is held at one time. */
const MOST = 500;
/** A rest that doubled is forgotten after this time without a new fire, ms. */
const FORGET_MS = 600_000;
const LONGEST_REST_MS = 300_000;

/** What rules hold, one thing by target and lever; and which of it is being given back. */
export class HeldTable {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Rest of what was given back lately, in case that its rule fires again. */
  readonly #rests = new Map<string, { rest: number; at: number }>();
  #isDecided = false;

  /** @param now monotonic, ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Somebody has said which rules are active. */
  get isDecided(): boolean {
    return this.#isDecided;
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  list(): Held[] {
    return this.entries().map(({ held }) => held);
  }

  find(target: string, lever: Lever): Held | undefined {
    return this.#entries.get(keyOf(target, lever))?.held;
  }

  /** @throws Refused where there is no room */
  put(held: Held): void {
    const key = keyOf(held.target, held.lever);
    const known = this.#entries.get(key);
    if (!known && this.#entries.size >= MOST) refuse(`rules hold ${MOST} things already, which is the most`);
    const now = this.#now();
    const isSame = known?.held.rule === held.rule;
    const changed = { ...held, since: isSame ? known.held.since : held.since, changed: now };
    if (known) {
      if (held.ended === undefined) again(known);
      known.held = changed;
      known.need?.reset();
      return;
    }
    const rested = this.#rests.get(key);
    const window = WINDOWS[held.kind as keyof typeof WINDOWS] as number | undefined;
    this.#entries.set(key, {
      held: changed,
      need: window === undefined ? undefined : new HighestNeed(window),
      rest: rested && now - rested.at < FORGET_MS ? Math.min(LONGEST_REST_MS, rested.rest * 2) : REST_MS,
      busy: false,
      restored: held.ended !== undefined,
      notBefore: 0,
    });
  }

  /** It is held with another value from now on. */
  change(entry: Entry, value: Held["value"]): void {
    Object.assign(entry.held, { value, changed: this.#now() });
    entry.need?.reset();
  }

  /** It has come about just now: what was needed before says nothing about it. */
  touch(target: string, lever: Lever): void {
    const entry = this.#entries.get(keyOf(target, lever));
    if (!entry) return;
    entry.held.changed = this.#now();
    entry.need?.reset();
  }

  /** Its time is over, or nothing came of it. */
  remove(target: string, lever: Lever): void {
    this.#entries.delete(keyOf(target, lever));
  }

  /** It was given back; that may have been too early. */
  drop(target: string, lever: Lever): void {
    const key = keyOf(target, lever);
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#rests.set(key, { rest: entry.rest, at: this.#now() });
    if (this.#rests.size > MOST) this.#rests.delete(this.#rests.keys().next().value!);
  }

  /** A rule is not active any more: what it holds is given back from now on. */
  ended(rule: string): void {
    for (const { held } of this.#entries.values())
      if (held.rule === rule && held.until === undefined) held.ended ??= this.#now();
  }

  /** Everything whose rule is not among these has ended; what was being given back and is among them has not. */
  onlyActive(rules: ReadonlySet<string>): void {
    this.#isDecided = true;
    for (const entry of this.#entries.values()) {
      const { held } = entry;
      if (held.until !== undefined) continue;
      if (rules.has(held.rule)) again(entry);
      else held.ended ??= this.#now();
    }
  }
}

/** Its rule is active again while it is being given back: that was too early, unless the engine itself was new. */
function again(entry: Entry): void {
  if (entry.held.ended === undefined) return;
  if (entry.restored) entry.restored = false;
  else entry.rest = Math.min(LONGEST_REST_MS, entry.rest * 2);
  delete entry.held.ended;
}

const keyOf = (target: string, lever: Lever) => `${target}\n${lever}`;
