import { AzoraError } from "../../../../runtime/errors.ts";
import type { Algorithm } from "../../../../tlog/keys.ts";
import type { AuditLog } from "../log/audit-log.ts";
import { KEY_EVENTS, type LogKey, type LogKeys } from "./log-keys.ts";

/**
 * Changes of the log's keys. Each is an entry first: a reader learns of a new key from the log that the old ones signed.
 */
export class KeyChanges {
  readonly #log: AuditLog;
  readonly #keys: LogKeys;

  constructor(log: AuditLog, keys: LogKeys) {
    this.#log = log;
    this.#keys = keys;
  }

  /** A new key for each algorithm, or for one, in place of the one in use; both sign the checkpoint that says so. */
  async rotate(algorithm?: Algorithm): Promise<{ added: LogKey[]; retired: LogKey[] }> {
    const retired = this.#live().filter((key) => algorithm === undefined || key.algorithm === algorithm);
    if (retired.length === 0) {
      throw new AzoraError(
        "NOT_FOUND",
        `no ${algorithm} key is in use; ${this.#live()
          .map((key) => key.algorithm)
          .join(", ")} are`,
        { algorithm },
      );
    }
    const added: LogKey[] = [];
    for (const old of retired) {
      const key = this.#keys.prepare(old.algorithm);
      await this.#announce(key);
      added.push(key);
      await this.#write("retired", old);
    }
    await this.#log.publish();
    return { added, retired };
  }

  /** For a key that others may have: it counts for nothing from this entry on. Another one takes its place first. */
  async revoke(keyId: string, reason: string): Promise<{ added: LogKey[]; revoked: LogKey }> {
    const key = this.#keys.keys.find((one) => one.keyId === keyId);
    if (!key) {
      const ids = this.#keys.keys.map((one) => one.keyId).join(", ");
      throw new AzoraError("NOT_FOUND", `no key has the id "${keyId}"; there are ${ids}`, { keyId });
    }
    if (key.revokedAt !== undefined) throw new AzoraError("CONFLICT", `the key ${keyId} is revoked already`, { keyId });
    const added: LogKey[] = [];
    if (key.retiredAt === undefined) {
      const next = this.#keys.prepare(key.algorithm);
      await this.#announce(next);
      added.push(next);
      // The old key speaks for the new one while its word still counts.
      await this.#log.publish();
    }
    await this.#write("revoked", key, { reason });
    await this.#log.publish();
    return { added, revoked: key };
  }

  /** Retires the keys of algorithms that are not wanted any more. */
  async settle(algorithms: readonly Algorithm[]): Promise<void> {
    for (const key of this.#live()) if (!algorithms.includes(key.algorithm)) await this.#write("retired", key);
  }

  #live(): LogKey[] {
    return this.#keys.keys.filter(
      ({ addedAt, retiredAt, revokedAt }) =>
        addedAt !== undefined && retiredAt === undefined && revokedAt === undefined,
    );
  }

  #announce(key: LogKey): Promise<void> {
    return this.#write("added", key);
  }

  async #write(what: keyof typeof KEY_EVENTS, { algorithm, keyId, vkey }: LogKey, more: object = {}): Promise<void> {
    const data = what === "added" ? { algorithm, keyId, vkey } : { keyId, vkey, ...more };
    await this.#log.log(KEY_EVENTS[what], data, { idempotencyKey: `${KEY_EVENTS[what]}/${vkey}` });
  }
}
