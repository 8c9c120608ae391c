import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "./keys.ts";

/** The keys of a log that are trusted, and the entry of their last change. */
export interface Trust {
  vkeys: string[];
  /** -1 before the first change. */
  index: number;
}

/** What a witness keeps: its key, and of each log its keys and the newest checkpoint. */
export class WitnessFiles {
  readonly #folder: string;
  readonly #replace: (path: string, content: string) => void;

  /** @param replace replaces a file in one step; its content is durable when it returns */
  constructor(folder: string, replace: (path: string, content: string) => void) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#replace = replace;
  }

  /** The witness's own key, with its name; made where there is none. */
  identity(newName: () => string): { name: string; key: KeyObject } {
    const saved = this.#read("witness.json");
    if (saved) {
      const { name, pem } = JSON.parse(saved) as { name: string; pem: string };
      return { name, key: createPrivateKey(pem) };
    }
    const name = newName();
    const key = generateKey("ed25519");
    this.#replace(
      join(this.#folder, "witness.json"),
      JSON.stringify({ name, pem: key.export({ type: "pkcs8", format: "pem" }) }),
    );
    return { name, key };
  }

  /** Undefined for a log that is not known. */
  trustOf(origin: string): Trust | undefined {
    const saved = this.#read(`${hashOf(origin)}.keys`);
    return saved === undefined ? undefined : (JSON.parse(saved) as Trust);
  }

  saveTrust(origin: string, trust: Trust): void {
    this.#replace(join(this.#folder, `${hashOf(origin)}.keys`), JSON.stringify(trust));
  }

  /** Hex SHA-256 of the origins of the logs that are known here. */
  get known(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(".keys"))
      .map((name) => name.slice(0, -5));
  }

  /** By the hash of the log's origin. */
  checkpointOf(hash: string): string | undefined {
    return /^[0-9a-f]{64}$/.test(hash) ? this.#read(`${hash}.checkpoint`) : undefined;
  }

  load(origin: string): string | undefined {
    return this.#read(`${hashOf(origin)}.checkpoint`);
  }

  /** Durable when it returns. */
  save(origin: string, checkpoint: string): void {
    this.#replace(join(this.#folder, `${hashOf(origin)}.checkpoint`), checkpoint);
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.#folder, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

function hashOf(origin: string): string {
  return createHash("sha256").update(origin).digest("hex");
}
