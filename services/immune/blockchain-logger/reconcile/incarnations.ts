import { Incarnation } from "./incarnation.ts";
import type { Lives } from "./pair.ts";
import type { Verdict } from "./verdict.ts";

/** An incarnation that has said nothing for so long is forgotten, ms; one that has not ended, after a day. */
const FORGET_ENDED_MS = 3_600_000;
const FORGET_MS = 86_400_000;
/** Incarnations whose state is in each verdict. */
const MOST_REPORTING = 50;

/** The incarnations of all nodes. */
export class Incarnations implements Lives {
  readonly #lives = new Map<string, Incarnation>();
  /** The newest of each node. */
  readonly #current = new Map<string, Incarnation>();
  #now = 0;

  of(node: string, mark: string): Incarnation {
    const key = `${node} ${mark}`;
    let life = this.#lives.get(key);
    if (!life) {
      life = new Incarnation(node, mark);
      this.#lives.set(key, life);
    }
    return life;
  }

  /** The incarnation of a node that was heard of last. */
  current(node: string): Incarnation | undefined {
    return this.#current.get(node);
  }

  all(): Iterable<Incarnation> {
    return this.#lives.values();
  }

  /** An incarnation has reported: others of the node that began before it have ended. */
  heard(life: Incarnation, now: number): void {
    this.#now = now;
    const current = this.#current.get(life.node);
    if (current === life) return;
    if (current && current.started > life.started) {
      life.ends("replaced", now);
      return;
    }
    this.#current.set(life.node, life);
    for (const other of this.#lives.values())
      if (other.node === life.node && other !== life) other.ends("replaced", now);
  }

  /** What was known of an incarnation before the log is read. */
  remember(node: string, mark: string, key: string, skipped: readonly [number, number][]): void {
    const life = this.of(node, mark);
    life.key ||= key;
    for (const [number, epoch] of skipped) life.skipped.set(number, epoch);
  }

  down(node: string, mark: string, now: number): void {
    this.of(node, mark).ends("down", now);
  }

  hasToldOf(node: string, mark: string, index: number): boolean {
    const life = this.of(node, mark);
    const current = this.#current.get(node);
    // A node has one life at a time: when another one answers, this one is over.
    if (current && current !== life && current.asked >= index) life.ends("replaced", this.#now);
    return life.hasToldOf(index, this.#now);
  }

  reporting(): Verdict["nodes"] {
    return [...this.#lives.values()]
      .filter((life) => life.key !== "" && life.heardAt >= 0 && !life.end)
      .sort((one, other) => other.heardAt - one.heardAt)
      .slice(0, MOST_REPORTING)
      .map(({ node, mark, next, key, skipped }) => [node, mark, next, key, [...skipped]]);
  }

  tidy(now: number): void {
    this.#now = now;
    for (const [key, life] of this.#lives) {
      const age = now - Math.max(life.heardAt, life.end?.at ?? 0);
      if (age > (life.end ? FORGET_ENDED_MS : FORGET_MS) && this.#current.get(life.node) !== life)
        this.#lives.delete(key);
    }
  }
}
