import { createPrivateKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../../../runtime/durable-file.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { type Algorithm, generateKey, parseVkey, type Signer, signerOf } from "../../../../tlog/keys.ts";
import type { Signature } from "../../../../tlog/note.ts";

/** What is known of one key of the log. Indexes are those of the entries that say so. */
export interface LogKey {
  algorithm: Algorithm;
  /** 8 hex digits. */
  keyId: string;
  vkey: string;
  addedAt?: number;
  retiredAt?: number;
  revokedAt?: number;
  reason?: string;
}

export const KEY_EVENTS = {
  added: "chain.key.added",
  retired: "chain.key.retired",
  revoked: "chain.key.revoked",
} as const;

/**
 * The keys that sign the log's checkpoints. Which of them are in use at a size is decided by entries of the log itself:
 * this file remembers where they stand, and is durable before a checkpoint covers them.
 */
export class LogKeys {
  readonly origin: string;
  readonly keys: LogKey[];
  readonly #folder: string;
  readonly #secret: KeyObject[];
  readonly #signers = new Map<string, Signer>();
  /** Size of the newest checkpoint. */
  #published = 0;

  private constructor(folder: string, origin: string, keys: LogKey[], secret: KeyObject[]) {
    this.#folder = folder;
    this.origin = origin;
    this.keys = keys;
    this.#secret = secret;
  }

  /**
   * Reads the keys, or makes them where there are none.
   * @param pem private keys from the environment, PKCS #8 one after the other; then none is read from or written to disk
   */
  static open(folder: string, origin: string, algorithms: readonly Algorithm[], pem: string): LogKeys {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const secret = [...pem.matchAll(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)].map(([one]) =>
      createPrivateKey(one),
    );
    const saved = readSaved(join(folder, "log-keys.json"));
    const keys = new LogKeys(folder, saved?.origin ?? origin, saved?.keys ?? [], secret);
    for (const algorithm of algorithms) {
      const held = keys.keys.some((key) => key.algorithm === algorithm && isLive(key));
      if (!held) keys.prepare(algorithm);
    }
    keys.save();
    return keys;
  }

  /** Makes a key, or takes one of the environment; it signs once its entry stands in the log. */
  prepare(algorithm: Algorithm): LogKey {
    const waiting = this.keys.find((key) => key.algorithm === algorithm && key.addedAt === undefined);
    if (waiting) return waiting;
    const key = this.#secret.length > 0 ? this.#unused(algorithm) : generateKey(algorithm);
    const { verifier } = signerOf(this.origin, key);
    const keyId = verifier.keyId.toString(16).padStart(8, "0");
    if (this.#secret.length === 0) {
      replaceFile(this.#pemOf(algorithm, keyId), key.export({ type: "pkcs8", format: "pem" }) as string);
    }
    const made: LogKey = { algorithm, keyId, vkey: verifier.vkey };
    this.keys.push(made);
    this.save();
    return made;
  }

  /** Keys that wait for their entry. */
  get unannounced(): LogKey[] {
    return this.keys.filter(({ addedAt }) => addedAt === undefined);
  }

  /** Takes notice of an entry of the log that is about a key. */
  apply(eventType: string, data: Record<string, unknown>, index: number): void {
    const key = this.keys.find(({ vkey }) => vkey === data["vkey"]);
    if (!key) return;
    if (eventType === KEY_EVENTS.added) key.addedAt ??= index;
    if (eventType === KEY_EVENTS.retired) key.retiredAt ??= index;
    if (eventType === KEY_EVENTS.revoked) {
      key.revokedAt ??= index;
      key.reason = String(data["reason"]);
    }
  }

  published(size: number): void {
    this.#published = size;
  }

  changedBefore(size: number): boolean {
    return this.keys.some((key) => [key.addedAt, key.retiredAt, key.revokedAt].some((at) => this.#isNew(at, size)));
  }

  /** Signatures of the keys in use at this size, and of those retired since the last checkpoint: they hand over. */
  sign(text: string, size: number, now: number): Signature[] {
    return this.keys.filter((key) => this.#signs(key, size)).map((key) => this.#signer(key).sign(text, now));
  }

  /** All keys that ever signed, in the order in which they came. */
  text(): string {
    const added = this.keys.filter(({ addedAt }) => addedAt !== undefined);
    return added
      .sort((a, b) => a.addedAt! - b.addedAt!)
      .map(({ vkey }) => `${vkey}\n`)
      .join("");
  }

  save(): void {
    replaceFile(join(this.#folder, "log-keys.json"), JSON.stringify({ origin: this.origin, keys: this.keys }, null, 2));
  }

  #signs(key: LogKey, size: number): boolean {
    const { addedAt, retiredAt, revokedAt } = key;
    if (addedAt === undefined || addedAt >= size || (revokedAt !== undefined && revokedAt < size)) return false;
    return retiredAt === undefined || retiredAt >= size || this.#isNew(retiredAt, size);
  }

  #isNew(at: number | undefined, size: number): boolean {
    return at !== undefined && at >= this.#published && at < size;
  }

  #signer(key: LogKey): Signer {
    let signer = this.#signers.get(key.vkey);
    if (!signer) {
      signer = signerOf(this.origin, this.#private(key));
      this.#signers.set(key.vkey, signer);
    }
    return signer;
  }

  #private(key: LogKey): KeyObject {
    const given = this.#secret.find((one) => signerOf(this.origin, one).verifier.vkey === key.vkey);
    if (given) return given;
    const file = this.#pemOf(key.algorithm, key.keyId);
    try {
      return createPrivateKey(readFileSync(file));
    } catch (error) {
      throw new AzoraError(
        "CHAIN_UNAVAILABLE",
        `the private key ${key.keyId} is not in AZORA_CHAIN_KEYS and cannot be read from ${file}: ${(error as Error).message}`,
        { file },
      );
    }
  }

  #unused(algorithm: Algorithm): KeyObject {
    const known = new Set(this.keys.map(({ vkey }) => vkey));
    const key = this.#secret.find((one) => {
      const { verifier } = signerOf(this.origin, one);
      return verifier.algorithm === algorithm && !known.has(verifier.vkey);
    });
    if (key) return key;
    throw new AzoraError("CHAIN_UNAVAILABLE", `AZORA_CHAIN_KEYS holds no unused ${algorithm} key`, { algorithm });
  }

  #pemOf(algorithm: Algorithm, keyId: string): string {
    return join(this.#folder, `chain-${algorithm}-${keyId}.pem`);
  }
}

function isLive({ retiredAt, revokedAt }: LogKey): boolean {
  return retiredAt === undefined && revokedAt === undefined;
}

function readSaved(file: string): { origin: string; keys: LogKey[] } | undefined {
  try {
    const saved = JSON.parse(readFileSync(file, "utf8")) as { origin: string; keys: LogKey[] };
    for (const { vkey } of saved.keys) parseVkey(vkey);
    return saved;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AzoraError("CHAIN_CORRUPT", `${file} cannot be read: ${(error as Error).message}`, { file });
  }
}
