import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../../runtime/durable-file.ts";
import { generateKey } from "../../../tlog/keys.ts";

/** The keys of a log that are trusted, and the entry of their last change. */
export interface Trust {
  vkeys: string[];
  /** -1 before the first change. */
  index: number;
}

/** What a witness keeps: its key, and of each log its keys and the newest checkpoint. */
export class WitnessFiles {
  readonly #folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
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
    replaceFile(
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
    replaceFile(join(this.#folder, `${hashOf(origin)}.keys`), JSON.stringify(trust));
  }

  load(origin: string): string | undefined {
    return this.#read(`${hashOf(origin)}.checkpoint`);
  }

  /** Durable when it returns. */
  save(origin: string, checkpoint: string): void {
    replaceFile(join(this.#folder, `${hashOf(origin)}.checkpoint`), checkpoint);
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
