import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { replaceFile } from "../../../../runtime/durable-file.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { canonical } from "../log/draft.ts";

/** Personal data as it stands in the log. */
export interface Sealed {
  /** base64 of nonce (12) ‖ ciphertext ‖ tag (16). */
  ciphertext: string;
  /** hex SHA-256 of salt (32) ‖ canonical plaintext: proves later what was said, and tells nothing to who has no salt. */
  commitment: string;
  /** Key that opens it. */
  key: string;
}

interface SubjectKey {
  keyId: string;
  /** Stands for the person in the log. */
  pseudonym: string;
  key: Buffer;
}

interface Row {
  name: string;
  pseudonym: string;
  key_id: string;
  wrapped: Uint8Array | null;
}

/** A subject whose key is gone and whose tombstone is not in the log yet. */
export interface Erased {
  pseudonym: string;
  keyId: string;
}

const CACHED = 10_000;
const CIPHER = "aes-256-gcm";

/**
 * One key a person. Whoever has a copy of the log has only what these keys make readable: with the key goes the data, in
 * every copy, while hashes and proofs stay as they are.
 */
export class SubjectKeys {
  readonly #database: DatabaseSync;
  readonly #wrapping: Buffer;
  /** By name and by pseudonym. */
  readonly #cache = new Map<string, SubjectKey>();
  readonly #new = new Map<string, { key: SubjectKey; durable: Promise<SubjectKey> }>();
  #batch: Promise<void> | undefined;

  /** @param wrapping base64 of 32 bytes; where it is empty, a key is made and kept beside */
  constructor(folder: string, wrapping: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#wrapping = wrapping ? Buffer.from(wrapping, "base64") : ownKey(join(folder, "subjects.key"));
    const file = join(folder, "subjects.sqlite");
    // SQLite gives its journal the mode of the file, which it would make readable for all.
    closeSync(openSync(file, "a", 0o600));
    this.#database = new DatabaseSync(file);
    // What is deleted is overwritten, and no second file keeps a copy of it.
    this.#database.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS subjects (name TEXT PRIMARY KEY, pseudonym TEXT UNIQUE NOT NULL, key_id TEXT NOT NULL, wrapped BLOB) STRICT",
    );
  }

  /** Encrypts what is about a person; their key is made, durably, where they have none. */
  async seal(
    subject: string,
    data: unknown,
    entryId: string,
  ): Promise<{ pseudonym: string; data: { sealed: Sealed } }> {
    const { key, keyId, pseudonym } = this.#find("name", subject) ?? (await this.#make(subject));
    const plain = Buffer.concat([randomBytes(32), Buffer.from(canonical("data", data))]);
    const commitment = createHash("sha256").update(plain).digest("hex");
    return {
      pseudonym,
      data: { sealed: { ciphertext: encrypt(key, plain, entryId).toString("base64"), commitment, key: keyId } },
    };
  }

  /** The data, or nothing where the key is gone. @throws AzoraError CHAIN_CORRUPT where it was not sealed for this entry */
  open(
    pseudonym: string,
    sealed: Sealed,
    entryId: string,
  ): { subject: string; data: Record<string, unknown>; salt: string } | undefined {
    const held = this.#find("pseudonym", pseudonym);
    if (!held) return undefined;
    try {
      const plain = decrypt(held.key, Buffer.from(sealed.ciphertext, "base64"), entryId);
      if (createHash("sha256").update(plain).digest("hex") !== sealed.commitment)
        throw new Error("it is not what was committed to");
      const data = JSON.parse(plain.toString("utf8", 32)) as Record<string, unknown>;
      return { subject: held.name, data, salt: plain.toString("hex", 0, 32) };
    } catch (error) {
      throw new AzoraError("CHAIN_CORRUPT", `entry ${entryId} cannot be opened: ${(error as Error).message}`, {
        id: entryId,
      });
    }
  }

  /** What stands for a person in the log, where anything is about them. */
  pseudonymOf(subject: string): string | undefined {
    return subject.startsWith("subject:") ? subject : this.#find("name", subject)?.pseudonym;
  }

  /** Destroys the key and the name. Until `buried`, the pseudonym waits for its tombstone. */
  destroy(subject: string): Erased | undefined {
    const row = this.#row("name", subject);
    if (!row?.wrapped) return undefined;
    this.#cache.delete(`name ${row.name}`);
    this.#cache.delete(`pseudonym ${row.pseudonym}`);
    this.#database
      .prepare("UPDATE subjects SET name = ?, wrapped = NULL WHERE pseudonym = ?")
      .run(row.pseudonym, row.pseudonym);
    return { pseudonym: row.pseudonym, keyId: row.key_id };
  }

  /** Those whose tombstone is missing still. */
  unburied(): Erased[] {
    const rows = this.#database.prepare("SELECT * FROM subjects WHERE wrapped IS NULL").all() as unknown as Row[];
    return rows.map(({ pseudonym, key_id }) => ({ pseudonym, keyId: key_id }));
  }

  buried(pseudonym: string): void {
    this.#database.prepare("DELETE FROM subjects WHERE pseudonym = ? AND wrapped IS NULL").run(pseudonym);
  }

  close(): void {
    this.#database.close();
  }

  /** Those who are new at the same time are made durable together. */
  #make(name: string): Promise<SubjectKey> {
    const made = this.#new.get(name);
    if (made) return made.durable;
    const key: SubjectKey = {
      keyId: randomBytes(8).toString("hex"),
      pseudonym: `subject:${randomBytes(16).toString("hex")}`,
      key: randomBytes(32),
    };
    this.#batch ??= setImmediate().then(() => this.#saveNew());
    const durable = this.#batch.then(() => key);
    this.#new.set(name, { key, durable });
    return durable;
  }

  #saveNew(): void {
    const fresh = [...this.#new];
    this.#new.clear();
    this.#batch = undefined;
    const insert = this.#database.prepare("INSERT INTO subjects VALUES (?, ?, ?, ?)");
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [name, { key }] of fresh) {
        const { keyId, pseudonym } = key;
        insert.run(name, pseudonym, keyId, encrypt(this.#wrapping, key.key, pseudonym));
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw new AzoraError("CHAIN_UNAVAILABLE", `the key of a subject cannot be kept: ${(error as Error).message}`);
    }
    for (const [name, { key }] of fresh) this.#keep(name, key);
  }

  #find(by: "name" | "pseudonym", value: string): (SubjectKey & { name: string }) | undefined {
    const cached = this.#cache.get(`${by} ${value}`);
    if (cached) return cached as SubjectKey & { name: string };
    const row = this.#row(by, value);
    if (!row?.wrapped) return undefined;
    const key = decrypt(this.#wrapping, Buffer.from(row.wrapped), row.pseudonym);
    return this.#keep(row.name, { keyId: row.key_id, pseudonym: row.pseudonym, key });
  }

  #row(by: "name" | "pseudonym", value: string): Row | undefined {
    return this.#database.prepare(`SELECT * FROM subjects WHERE ${by} = ?`).get(value) as unknown as Row | undefined;
  }

  #keep(name: string, key: SubjectKey): SubjectKey & { name: string } {
    const kept = { ...key, name };
    if (this.#cache.size >= CACHED) this.#cache.clear();
    this.#cache.set(`name ${name}`, kept);
    this.#cache.set(`pseudonym ${key.pseudonym}`, kept);
    return kept;
  }
}

function encrypt(key: Buffer, plain: Buffer, about: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(about));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, about: string): Buffer {
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, 12), { authTagLength: 16 }).setAAD(
    Buffer.from(about),
  );
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

function ownKey(file: string): Buffer {
  try {
    return Buffer.from(readFileSync(file, "utf8"), "base64");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const key = randomBytes(32);
    replaceFile(file, key.toString("base64"));
    return key;
  }
}
