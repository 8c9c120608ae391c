import type { LeafEntry } from "./entry.ts";
import { parseVkey, type Signer, signerOf, type Verifier } from "./keys.ts";
import { verifyBundle } from "./proof-bundle.ts";
import { Witness, type WitnessAnswer } from "./witness.ts";
import type { Trust, WitnessFiles } from "./witness-files.ts";

/** A log that makes itself known: its first keys, and a proof of each change since. */
export interface Introduction {
  origin: string;
  first: string[];
  changes: string[];
}

/**
 * A witness with what it keeps. It takes a log's first keys on trust, once; from then on it believes in new ones only
 * because old ones signed the entry that says so.
 */
export class WitnessHost {
  readonly #files: WitnessFiles;
  readonly #signer: Signer;
  readonly #witness: Witness;
  readonly #logs = new Map<string, readonly Verifier[]>();

  constructor(files: WitnessFiles, newName: () => string, clock: { now(): number }) {
    this.#files = files;
    const { name, key } = files.identity(newName);
    this.#signer = signerOf(name, key, { cosigner: true });
    this.#witness = new Witness({ signer: this.#signer, logs: this.#logs, state: files, clock });
  }

  get vkey(): string {
    return this.#signer.verifier.vkey;
  }

  addCheckpoint(body: string): WitnessAnswer {
    const origin = /\n\n([^\n]+)\n/.exec(body)?.[1];
    if (origin !== undefined) this.#load(origin);
    return this.#witness.addCheckpoint(body);
  }

  /** The newest checkpoint that it has cosigned. */
  checkpoint(origin: string): string | undefined {
    return this.#files.load(origin);
  }

  /** Takes a log in that is not known yet, and the changes of its keys that trusted keys vouch for. */
  introduce({ origin, first, changes }: Introduction): void {
    this.#trust(origin, this.#files.trustOf(origin) ?? { vkeys: first, index: -1 }, changes);
  }

  /** Takes the changes of the keys of a known log. Returns whether it is known. */
  follow(origin: string, changes: readonly string[]): boolean {
    const trust = this.#files.trustOf(origin);
    if (trust) this.#trust(origin, trust, changes);
    return trust !== undefined;
  }

  #trust(origin: string, before: Trust, changes: readonly string[]): void {
    let trust = before;
    for (const change of changes) trust = follow(trust, change);
    this.#files.saveTrust(origin, trust);
    this.#logs.set(origin, trust.vkeys.map(parseVkey));
  }

  #load(origin: string): void {
    const trust = this.#logs.has(origin) ? undefined : this.#files.trustOf(origin);
    if (trust) this.#logs.set(origin, trust.vkeys.map(parseVkey));
  }
}

/** What trusted keys do not vouch for changes nothing; nor does an old change that is shown again. */
function follow(trust: Trust, bundle: string): Trust {
  const change = verified(bundle, trust.vkeys);
  if (!change || change.index <= trust.index) return trust;
  const { eventType, data, index } = change;
  const vkey = String(data["vkey"]);
  if (eventType === "chain.key.added") return { vkeys: [...new Set([...trust.vkeys, vkey])], index };
  if (!["chain.key.retired", "chain.key.revoked"].includes(eventType)) return trust;
  return { vkeys: trust.vkeys.filter((one) => one !== vkey), index };
}

function verified(bundle: string, vkeys: readonly string[]): LeafEntry | undefined {
  try {
    return verifyBundle(bundle, vkeys.map(parseVkey)).entry;
  } catch {
    return undefined;
  }
}
