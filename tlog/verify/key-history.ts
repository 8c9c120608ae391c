/** Which keys sign at which size: told by the log's own entries, so that the tree vouches for it. */
import type { LeafEntry } from "../entry.ts";
import { parseVkey, type Verifier } from "../keys.ts";
import type { Problems } from "./problem.ts";

interface Key {
  verifier: Verifier;
  addedAt: number;
  retiredAt: number;
  revokedAt: number;
  /** False where the entry that announced it was not read: then it is not known what became of it. */
  isRead: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

export class KeyHistory {
  readonly #origin: string;
  readonly #problems: Problems;
  readonly #keys: Key[] = [];
  /** Indexes of the entries that change which keys sign. */
  readonly changes: number[] = [];

  constructor(origin: string, problems: Problems) {
    this.#origin = origin;
    this.#problems = problems;
  }

  get verifiers(): Verifier[] {
    return this.#keys.map(({ verifier }) => verifier);
  }

  /** Takes notice of an entry about a key, in order. @param isWhole whether all entries before it were read */
  apply(entry: LeafEntry, isWhole: boolean): void {
    if (!entry.eventType.startsWith("chain.key.")) return;
    const why = this.#change(entry, isWhole);
    if (why === undefined) this.changes.push(entry.index);
    else this.#problems.entry(entry.index, why);
  }

  /**
   * Compares with the file `keys`. It must list the keys in the order of their entries; further keys at its end wait for
   * entries that no checkpoint covers yet, and count for nothing.
   */
  compare(text: string | undefined, isWhole: boolean): void {
    const listed = text === undefined ? "it is missing, or not UTF-8" : this.#listed(text);
    const why = typeof listed === "string" ? listed : isWhole ? this.#difference(listed) : undefined;
    if (why !== undefined) this.#problems.add({ what: "key", where: "keys", why, file: "keys" });
    if (typeof listed === "string" || isWhole) return;
    // What was announced in entries that are not there is believed, but nothing is demanded of it.
    for (const verifier of listed) if (!this.#find(verifier)) this.#unread(verifier);
  }

  /** Keys that must have signed a checkpoint of this size; with `since`, also those retired between the two. */
  mustSign(size: number, since = size): Verifier[] {
    return this.#keys
      .filter(({ isRead, addedAt, retiredAt, revokedAt }) => {
        return isRead && addedAt < size && revokedAt >= size && (retiredAt >= size || retiredAt >= since);
      })
      .map(({ verifier }) => verifier);
  }

  /** Keys whose signature counts at this size. */
  maySign(size: number): Verifier[] {
    return this.#keys
      .filter(({ addedAt, revokedAt }) => addedAt < size && revokedAt >= size)
      .map(({ verifier }) => verifier);
  }

  /** @returns why the entry makes no sense */
  #change({ eventType, data, index }: LeafEntry, isWhole: boolean): string | undefined {
    const verifier = readVkey(String(data["vkey"]));
    if (typeof verifier === "string") return verifier;
    if (verifier.name !== this.#origin) return `its key is one of ${verifier.name}`;
    if (data["keyId"] !== idOf(verifier)) return "its keyId is not that of its vkey";
    const known = this.#find(verifier);
    if (eventType === "chain.key.added") {
      if (known) return `it adds the key ${nameOf(verifier)} a second time`;
      if (data["algorithm"] !== verifier.algorithm) return `its key is one of ${verifier.algorithm}`;
      this.#keys.push({ verifier, addedAt: index, retiredAt: NEVER, revokedAt: NEVER, isRead: true });
      return undefined;
    }
    if (!known && isWhole) return `it is about the key ${nameOf(verifier)}, which was never added`;
    const key = known ?? this.#unread(verifier);
    if (eventType === "chain.key.retired") key.retiredAt = Math.min(key.retiredAt, index);
    else if (eventType === "chain.key.revoked") key.revokedAt = Math.min(key.revokedAt, index);
    else return `there is no entry about keys of the type ${eventType}`;
    return undefined;
  }

  /** @returns the keys of the file, or why it is none */
  #listed(text: string): Verifier[] | string {
    const lines = text.split("\n");
    if (lines.pop() !== "") return "its last line does not end";
    const listed: Verifier[] = [];
    for (const [at, line] of lines.entries()) {
      const verifier = readVkey(line);
      if (typeof verifier === "string") return `line ${at + 1}: ${verifier}`;
      if (verifier.name !== this.#origin) return `line ${at + 1} is a key of ${verifier.name}`;
      if (listed.some(({ vkey }) => vkey === line)) return `line ${at + 1} is there twice`;
      listed.push(verifier);
    }
    return listed;
  }

  #difference(listed: readonly Verifier[]): string | undefined {
    const at = this.#keys.findIndex(({ verifier }, i) => listed[i]?.vkey !== verifier.vkey);
    if (at < 0) return undefined;
    const { verifier, addedAt } = this.#keys[at]!;
    return `line ${at + 1} is not the key ${nameOf(verifier)} that entry ${addedAt} added`;
  }

  #find({ vkey }: Verifier): Key | undefined {
    return this.#keys.find(({ verifier }) => verifier.vkey === vkey);
  }

  #unread(verifier: Verifier): Key {
    const key = { verifier, addedAt: -1, retiredAt: NEVER, revokedAt: NEVER, isRead: false };
    this.#keys.push(key);
    return key;
  }
}

/** `azora.dev/log+530d903a` */
export function nameOf(verifier: Verifier): string {
  return `${verifier.name}+${idOf(verifier)}`;
}

function idOf({ keyId }: Verifier): string {
  return keyId.toString(16).padStart(8, "0");
}

function readVkey(text: string): Verifier | string {
  try {
    return parseVkey(text);
  } catch (error) {
    return (error as Error).message;
  }
}
