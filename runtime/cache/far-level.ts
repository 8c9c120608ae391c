import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { type Clock, sleep } from "../clock.ts";
import { type FarHit, packed, unpacked } from "./far-value.ts";
import type { Entry } from "./near-level.ts";
import { clientOf } from "./redis-client.ts";
import { RedisGuard } from "./redis-guard.ts";
import { groupsOf, groupsOfValue, numberOf, type Targets } from "./targets.ts";

export interface FarLevelOptions {
  /** A URL, or a client that was made elsewhere with the scripts. */
  redis: string | Redis;
  /** Before each key. */
  prefix: string;
  clock: Clock;
  /** ms that anybody waits for Redis. @default 100 */
  timeout?: number;
  /** Larger answers stay in the process, characters of JSON. @default 1 MiB */
  maxLength?: number;
  logger: { info(message: string): void; warn(message: string): void };
  /** Whether another node still owes Redis an invalidation. */
  othersOwe?: () => boolean;
}

/** What a load that began may write, if nothing of it has changed meanwhile. */
export interface FarToken {
  born: string;
  stamp: number;
  /** The lock's token, where this node holds it. */
  locked?: string;
}

export interface FarFound {
  token?: FarToken;
  hit?: FarHit;
}

interface Commands {
  azoraRead(...args: (string | number)[]): Promise<[0, string, number, number] | [1, string, number]>;
  azoraWrite(...args: (string | number)[]): Promise<number>;
  azoraBump(...args: (string | number)[]): Promise<unknown>;
  azoraUnlock(...args: (string | number)[]): Promise<number>;
}

const MAX_OWED = 1000;
const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 100;
const REPAY_MS = 500;

/**
 * Second level: answers in Redis, for all nodes. It may be gone, slow or silent at any time, and then it is as if it were
 * not there. Its values hold only within one life of the server, so that an older state of it that comes back holds nothing.
 */
export class FarLevel {
  readonly #options: Required<FarLevelOptions>;
  readonly #guard: RedisGuard;
  #client!: Redis;
  /** Of the server that is connected now; empty where none is, or it is not known yet. */
  #life = "";
  /** Groups whose invalidation Redis has not been told of, numbered. */
  readonly #owed = new Map<string, number>();
  /** It could not be told. Until it is, nothing is read or written. */
  #owes = false;
  #invalidations = 0;
  #telling: Promise<boolean> | undefined;
  #tellingNext: Promise<boolean> | undefined;
  #cancelRepay: (() => void) | undefined;
  #isClosed = false;
  written = 0;
  refused = 0;
  tooLong = 0;

  constructor(options: FarLevelOptions) {
    this.#options = { timeout: 100, maxLength: 2 ** 20, othersOwe: () => false, ...options };
    this.#guard = new RedisGuard({ clock: options.clock, timeout: this.#options.timeout });
    this.adopt(typeof options.redis === "string" ? clientOf(options.redis) : options.redis);
  }

  get client(): Redis {
    return this.#client;
  }

  get isUsable(): boolean {
    return this.#life !== "" && !this.#owes && this.#guard.isOpen && !this.#options.othersOwe();
  }

  /** Whether Redis holds something that this node has invalidated. */
  get owes(): boolean {
    return this.#owes;
  }

  get state() {
    const { failed, late, skipped } = this.#guard;
    const { written, refused, tooLong } = this;
    return { status: this.#client.status, usable: this.isUsable, failed, late, skipped, written, refused, tooLong };
  }

  /** Takes another connection in place of the one that it had, which is left as it is. */
  adopt(client: Redis): void {
    const isCurrent = () => this.#client === client && !this.#isClosed;
    this.#client = client;
    this.#life = "";
    client.on("ready", () => void (isCurrent() && this.#connected(client)));
    client.on("close", () => {
      if (isCurrent()) this.#life = "";
    });
    let last = "";
    client.on("error", ({ message }: Error) => {
      if (!isCurrent() || message === last) return;
      last = message;
      this.#options.logger.warn(`the second level of the cache is not there: ${message}; the first goes on alone`);
    });
    client.on("ready", () => {
      last = "";
    });
    if (client.status === "ready") void this.#connected(client);
  }

  /**
   * @param lockMs where it is above 0 and nothing is found: only one node gets a token, the others look again until it has
   * written, so long at most
   * @returns undefined where Redis says nothing
   */
  async read(key: string, lockMs: number): Promise<FarFound | undefined> {
    const { clock } = this.#options;
    const locked = lockMs > 0 ? randomBytes(8).toString("hex") : "";
    const end = clock.now() + lockMs;
    for (let look = FIRST_LOOK_MS; ; look = Math.min(2 * look, LONGEST_LOOK_MS)) {
      const found = await this.#readOnce(key, Math.ceil(lockMs), locked);
      if (!found || found.hit || lockMs === 0 || found.token!.locked || clock.now() >= end) return found;
      await sleep(clock, look);
      if (!this.isUsable) return undefined;
    }
  }

  /** Nobody waits for it. */
  write(entry: Entry, token: FarToken): void {
    const { kept, data } = packed(entry, this.#options.clock.now());
    if (data.length > this.#options.maxLength || kept < 1 || !this.isUsable) {
      if (data.length > this.#options.maxLength) this.tooLong++;
      if (token.locked) this.unlock(entry.key, token);
      return;
    }
    const numbers = groupsOfValue(entry.key, entry.tags).map(numberOf);
    const keys = [this.#fence, this.#valueKey(entry.key), this.#lockKey(entry.key)];
    void this.#guard
      .ask(() =>
        this.#commands.azoraWrite(...keys, token.born, token.stamp, kept, data, token.locked ?? "", ...numbers),
      )
      .then((written) => {
        if (written?.answer) this.written++;
        else if (written) this.refused++;
      });
  }

  /** @returns whether Redis knows; if not, this level is not used until it does */
  invalidate(targets: Targets): Promise<boolean> {
    this.#invalidations++;
    for (const group of groupsOf(targets)) this.#owed.set(group, this.#invalidations);
    if (this.#owed.size > MAX_OWED) this.#oweAll();
    return this.#tell();
  }

  /** For a node that owed something and is gone. */
  oweEverything(): void {
    this.#invalidations++;
    this.#oweAll();
    this.#owes = true;
    void this.#tell();
  }

  /** @returns a token, or undefined where another holds the lock; null where Redis says nothing */
  async tryLock(key: string, ms: number): Promise<string | undefined | null> {
    const token = randomBytes(8).toString("hex");
    const set = await this.#guard.ask(() => this.#client.set(this.#lockKey(key), token, "PX", Math.ceil(ms), "NX"));
    if (!set) return null;
    return set.answer === "OK" ? token : undefined;
  }

  unlock(key: string, { locked }: Pick<FarToken, "locked">): void {
    if (locked) void this.#guard.ask(() => this.#commands.azoraUnlock(this.#lockKey(key), locked));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRepay?.();
    this.#client.disconnect();
  }

  async #readOnce(key: string, lockMs: number, locked: string): Promise<FarFound | undefined> {
    const keys = [this.#fence, this.#valueKey(key), this.#lockKey(key)];
    const asked = await this.#guard.ask(() => this.#commands.azoraRead(...keys, newBorn(), lockMs, locked));
    if (!asked) return undefined;
    const { answer } = asked;
    if (answer[0] === 0) {
      const token: FarToken = { born: answer[1], stamp: answer[2] };
      if (answer[3] === 1) token.locked = locked;
      return { token };
    }
    const hit = unpacked(answer[1], answer[2]);
    return hit ? { hit } : {};
  }

  #oweAll(): void {
    this.#owed.clear();
    this.#owed.set("*", this.#invalidations);
  }

  /** One message at a time, with all that is owed then: who comes while it is under way is in the next one. */
  #tell(): Promise<boolean> {
    if (!this.#telling) {
      this.#telling = this.#tellNow().finally(() => {
        this.#telling = undefined;
      });
      return this.#telling;
    }
    this.#tellingNext ??= this.#telling.then(() => {
      this.#tellingNext = undefined;
      return this.#tell();
    });
    return this.#tellingNext;
  }

  async #tellNow(): Promise<boolean> {
    this.#cancelRepay?.();
    this.#cancelRepay = undefined;
    if (this.#owed.size === 0 || this.#isClosed) return this.#owed.size === 0;
    const until = this.#invalidations;
    const numbers = [...new Set([...this.#owed.keys()].map(numberOf))];
    const bump = () => this.#commands.azoraBump(this.#fence, newBorn(), ...numbers);
    const told = this.#life === "" ? undefined : await this.#guard.ask(bump);
    if (told) for (const [group, at] of this.#owed) if (at <= until) this.#owed.delete(group);
    this.#owes = told ? this.#owes && this.#owed.size > 0 : true;
    if (!told) this.#cancelRepay = this.#options.clock.after(REPAY_MS, () => void this.#tell());
    return told !== undefined;
  }

  /** @param client that has just connected */
  async #connected(client: Redis): Promise<void> {
    this.#guard.reset();
    const info = await client.info("server").catch(() => "");
    if (this.#client !== client || this.#isClosed) return;
    this.#life = /run_id:(\w+)/.exec(info)?.[1]?.slice(0, 16) ?? "unknown";
    this.#options.logger.info("the second level of the cache is connected");
    void this.#tell();
  }

  get #commands(): Commands {
    return this.#client as unknown as Commands;
  }

  get #fence(): string {
    return `${this.#options.prefix}${this.#life}:fence`;
  }

  #valueKey(key: string): string {
    return `${this.#options.prefix}${this.#life}:v:${key}`;
  }

  #lockKey(key: string): string {
    return `${this.#options.prefix}${this.#life}:l:${key}`;
  }
}

function newBorn(): string {
  return randomBytes(8).toString("hex");
}
