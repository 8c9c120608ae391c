import type { Clock } from "../../../../runtime/clock.ts";
import { AzoraError } from "../../../../runtime/errors.ts";
import { parseCheckpoint } from "../../../../tlog/checkpoint.ts";
import { parseVkey } from "../../../../tlog/keys.ts";
import { formatNote, parseNote, type Signature } from "../../../../tlog/note.ts";
import { consistencyProof } from "../../../../tlog/proofs.ts";
import { formatAddCheckpoint } from "../../../../tlog/witness.ts";
import type { Logger } from "../chain.ts";
import type { AuditLog } from "../log/audit-log.ts";

/** A way to a witness. */
export interface WitnessLink {
  readonly name: string;
  /** Its key; undefined as long as it cannot be asked. */
  vkey(): Promise<string>;
  /** C2SP add-checkpoint. */
  submit(body: string): Promise<{ status: number; body: string }>;
}

export interface WitnessState {
  name: string;
  /** Entries that it has confirmed. */
  size: number;
  /** ms since the epoch of its last cosignature. */
  at?: number;
  /** Why it did not confirm the last time. */
  why?: string;
}

interface Options {
  log: AuditLog;
  links: readonly WitnessLink[];
  policy: "open" | "closed";
  /** Longest time without a witness that is no trouble, ms. */
  patience: number;
  clock: Clock;
  logger: Logger;
}

const RETRY_MS = 1000;

/** Takes each checkpoint to the witnesses, and their cosignatures back into it. */
export class Witnessing {
  readonly #options: Options;
  readonly #states: Map<WitnessLink, WitnessState>;
  #running = false;
  #again = false;
  #stopped = false;
  #cancel: (() => void) | undefined;
  /** Since when entries wait for a witness. */
  #since: number | undefined;
  /** What a witness has seen that this log does not have: the log was set back or forked. */
  conflict: string | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#states = new Map(options.links.map((link) => [link, { name: link.name, size: 0 }]));
  }

  get states(): WitnessState[] {
    return [...this.#states.values()];
  }

  /** Why nobody confirms, where it has lasted too long. */
  get trouble(): string | undefined {
    const { clock, patience } = this.#options;
    if (this.#since === undefined || clock.now() - this.#since <= patience) return undefined;
    const why = this.states.map((state) => `${state.name}: ${state.why ?? "no answer"}`).join("; ");
    return `no witness for ${Math.round((clock.now() - this.#since) / 1000)} s (${why})`;
  }

  /** @throws AzoraError CHAIN_UNWITNESSED, CHAIN_ROLLED_BACK where the policy wants a witness */
  check(): void {
    if (this.#options.policy === "open") return;
    if (this.conflict) throw new AzoraError("CHAIN_ROLLED_BACK", this.conflict);
    const { trouble } = this;
    if (trouble) throw new AzoraError("CHAIN_UNWITNESSED", trouble);
  }

  /** There is a new checkpoint. Only the newest is taken round. */
  published(): void {
    this.#again = true;
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #run(): Promise<void> {
    const { log, clock, logger } = this.#options;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#since ??= clock.now();
      try {
        if (log.checkpoint && (await this.#round())) this.#since = undefined;
      } catch (error) {
        logger.warn(`the witnesses could not be asked: ${(error as Error).message}`);
      }
    }
    this.#running = false;
    if (this.#since !== undefined && !this.#stopped) this.#cancel = clock.after(RETRY_MS, () => this.published());
  }

  /** Whether anybody confirmed the newest checkpoint. */
  async #round(): Promise<boolean> {
    const { log } = this.#options;
    const own = parseNote(log.checkpoint);
    const { size } = parseCheckpoint(own.text);
    const bare = formatNote({
      text: own.text,
      signatures: own.signatures.filter(({ name }) => name === originOf(own.text)),
    });
    const found = await Promise.all([...this.#states].map(([link, state]) => this.#ask(link, state, bare, size)));
    const cosignatures = found.flat();
    if (cosignatures.length === 0) return false;
    const signed = parseNote(bare);
    await log.cosigned(formatNote({ text: signed.text, signatures: [...signed.signatures, ...cosignatures] }), size);
    log.progress.reach("witnessed", size);
    return true;
  }

  async #ask(link: WitnessLink, state: WitnessState, checkpoint: string, size: number): Promise<Signature[]> {
    try {
      const verifier = parseVkey(await link.vkey());
      const answer = await this.#submit(link, state, checkpoint, size);
      if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.trim().slice(0, 200)}`);
      const { text, signatures } = parseNote(`${parseNote(checkpoint).text}\n${answer.body}`);
      const own = signatures.filter(
        (one) => one.name === verifier.name && one.keyId === verifier.keyId && verifier.verify(text, one.signature),
      );
      if (own.length === 0) throw new Error("its signature does not verify");
      Object.assign(state, { size, at: this.#options.clock.now() });
      delete state.why;
      return own;
    } catch (error) {
      state.why = (error as Error).message;
      return [];
    }
  }

  /** The witness says itself how far it has come, where we do not know. */
  async #submit(
    link: WitnessLink,
    state: WitnessState,
    checkpoint: string,
    size: number,
  ): Promise<{ status: number; body: string }> {
    const first = await link.submit(this.#request(state.size <= size ? state.size : 0, size, checkpoint));
    if (first.status === 422) this.conflict = `${state.name} has seen another history of this log`;
    if (first.status !== 409) return first;
    const seen = Number(first.body.trim());
    if (!Number.isSafeInteger(seen) || seen < 0) return first;
    if (seen > size) {
      this.conflict = `${state.name} has seen ${seen} entries of this log, which has ${size}: it was set back`;
      throw new Error(this.conflict);
    }
    const second = await link.submit(this.#request(seen, size, checkpoint));
    if (second.status === 422) this.conflict = `${state.name} has seen another history of this log up to entry ${seen}`;
    return second;
  }

  #request(old: number, size: number, checkpoint: string): string {
    return formatAddCheckpoint(old, consistencyProof(old, size, this.#options.log.reader.node), checkpoint);
  }
}

function originOf(text: string): string {
  return text.slice(0, text.indexOf("\n"));
}
