import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import type { FakeClock } from "../../support/fake-clock.ts";

/** What a Redis server keeps, and what the cache's scripts do with it, told again in another language. */
export class FakeServer {
  readonly values = new Map<string, { text: string; until: number }>();
  readonly hashes = new Map<string, Map<string, number | string>>();
  readonly clock: FakeClock;
  life = "1";

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  read(fence: string, value: string, lock: string, born: string, lockMs: number, token: string) {
    const hash = this.#hash(fence, born);
    const found = this.#get(value);
    if (found) {
      const [from, stamp, numbers, ...rest] = found.text.split("|");
      if (from === hash.get("born") && this.#holds(hash, numbers!.split(","), Number(stamp)))
        return [1, rest.join("|"), found.until - this.clock.now()];
    }
    let locked = 0;
    if (lockMs > 0 && !this.#get(lock)) {
      this.values.set(lock, { text: token, until: this.clock.now() + lockMs });
      locked = 1;
    }
    return [0, hash.get("born"), this.#count(hash), locked];
  }

  write(
    fence: string,
    value: string,
    lock: string,
    born: string,
    stamp: number,
    ms: number,
    data: string,
    token: string,
    ...numbers: (string | number)[]
  ) {
    if (token !== "" && this.#get(lock)?.text === token) this.values.delete(lock);
    const hash = this.hashes.get(fence);
    if (hash?.get("born") !== born || !this.#holds(hash, numbers.map(String), stamp)) return 0;
    const before = this.#get(value)?.text.split("|");
    if (before?.[0] === born && Number(before[1]) > stamp) return 0;
    this.values.set(value, { text: `${born}|${stamp}|${numbers.join(",")}|${data}`, until: this.clock.now() + ms });
    return 1;
  }

  bump(fence: string, born: string, ...numbers: number[]) {
    const hash = this.#hash(fence, born);
    const seq = this.#count(hash);
    for (const number of numbers) hash.set(String(number), seq);
    return [hash.get("born"), seq];
  }

  unlock(lock: string, token: string) {
    if (this.#get(lock)?.text === token) this.values.delete(lock);
    return 1;
  }

  set(key: string, token: string, ms: number) {
    if (this.#get(key)) return null;
    this.values.set(key, { text: token, until: this.clock.now() + ms });
    return "OK";
  }

  #get(key: string) {
    const found = this.values.get(key);
    return found && found.until > this.clock.now() ? found : undefined;
  }

  #hash(fence: string, born: string) {
    let hash = this.hashes.get(fence);
    if (!hash) {
      hash = new Map<string, number | string>([
        ["born", born],
        ["seq", 0],
      ]);
      this.hashes.set(fence, hash);
    }
    return hash;
  }

  #count(hash: Map<string, number | string>): number {
    const seq = Number(hash.get("seq")) + 1;
    hash.set("seq", seq);
    return seq;
  }

  #holds(hash: Map<string, number | string>, numbers: string[], stamp: number): boolean {
    return numbers.every((number) => Number(hash.get(number) ?? 0) <= stamp);
  }
}

/** ms to the server and back; a step is carried out in between. Undefined: its answer never comes. */
export type Way = () => { there: number; back: number | undefined };

/** As far as the cache uses ioredis. */
export class FakeRedis extends EventEmitter {
  status = "ready";
  readonly #server: FakeServer;
  readonly #way: Way;

  constructor(server: FakeServer, way: Way = () => ({ there: 0, back: 0 })) {
    super();
    this.#server = server;
    this.#way = way;
  }

  get client(): Redis {
    return this as unknown as Redis;
  }

  info = () => this.#ask(() => `run_id:${this.#server.life}`);
  azoraRead = (...args: never[]) =>
    this.#ask(() => this.#server.read(...(args as unknown as [never, never, never, never, never, never])));
  azoraWrite = (...args: never[]) =>
    this.#ask(() => (this.#server.write as (...all: never[]) => number).apply(this.#server, args));
  azoraBump = (...args: never[]) =>
    this.#ask(() => (this.#server.bump as (...all: never[]) => unknown).apply(this.#server, args));
  azoraUnlock = (lock: string, token: string) => this.#ask(() => this.#server.unlock(lock, token));
  set = (key: string, token: string, _px: string, ms: number) => this.#ask(() => this.#server.set(key, token, ms));
  disconnect(): void {}

  #ask<T>(step: () => T): Promise<T> {
    const { there, back } = this.#way();
    const { clock } = this.#server;
    const { promise, resolve } = Promise.withResolvers<T>();
    if (there === 0 && back === 0) return Promise.resolve(step());
    clock.after(there, () => {
      const result = step();
      if (back !== undefined) clock.after(back, () => resolve(result));
    });
    return promise;
  }
}
