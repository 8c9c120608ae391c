import { randomUUID } from "node:crypto";
import { canonicalize, NotCanonical } from "../tlog/canonical-json.ts";
import type { Entry } from "../tlog/entry.ts";
import { type LinkOptions, OrganismError, OrganismLink } from "./organism-link.ts";

export type BlockchainLoggerOptions = LinkOptions;

/** What was refused, or could not be asked. `code` is one of the codes of docs/errors.md. */
export class BlockchainLoggerError extends OrganismError {}

export interface LogEventOptions {
  /** The same key gives the same entry, once. @default a new one, so that a repeated attempt writes nothing twice */
  idempotencyKey?: string;
  /** Whom the data is about; it is then encrypted, and can be erased later. */
  subject?: string;
  /** Who did it. */
  actor?: string;
  /**
   * `durable`: on disk; `integrated`: in the tree; `checkpointed`: signed; `witnessed`: confirmed by another node.
   * @default "durable"
   */
  waitFor?: "durable" | "integrated" | "checkpointed" | "witnessed";
}

export interface LoggedEntry extends Omit<Entry, "blockHeight"> {
  /** Absent until a block has sealed it. */
  blockHeight?: number;
  state: "durable" | "integrated" | "checkpointed" | "witnessed";
  /** Whether its personal data can still be read, where it has some. */
  personal?: "readable" | "sealed" | "erased";
}

export interface ValidationRange {
  /** First entry. @default 0 */
  from?: number;
  /** Behind the last entry. @default all */
  to?: number;
}

export interface ValidationResult {
  isValid: boolean;
  /** Entries that the newest checkpoint covers. */
  size: number;
  blocks: number;
  /** The first 100 that were found, each with its place. */
  problems: { what: string; where: string; why: string }[];
  problemCount: number;
  signedBy: string[];
  /** How long it took, s. */
  seconds: number;
}

export interface BlockchainStats {
  /** The log's name. */
  origin: string;
  entries: number;
  blocks: number;
  /** Entries that wait for the disk. */
  queued: number;
  /** Entries that are signed, and that another node has confirmed. */
  checkpointed: number;
  witnessed: number;
  /** How long the oldest entry without a signature waits, ms. */
  checkpointLag: number;
  refused: number;
  alarms: { code: string; why: string }[];
  [more: string]: unknown;
}

/** Long logs take their time: 300,000 entries or more a second. */
const VALIDATION_MS = 30 * 60_000;
const LOG_MS = 30_000;
/** While the chain is being restarted or has too much to do, an entry is offered again, ms. */
const PAUSES_MS = [100, 300, 1000, 3000];
const RETRYABLE = ["SERVICE_UNAVAILABLE", "CHAIN_BUSY", "CHAIN_UNAVAILABLE", "OUTCOME_UNKNOWN"];
const SERVICE = "blockchain-logger";

/** Writes to the audit chain of an organism, and reads and checks it, from another program. */
export class AzoraBlockchainLogger {
  readonly #link: OrganismLink;

  constructor(options: BlockchainLoggerOptions = {}) {
    this.#link = new OrganismLink(SERVICE, options, BlockchainLoggerError);
  }

  /**
   * Finds the organism.
   * @throws BlockchainLoggerError SERVICE_UNAVAILABLE where it does not answer
   */
  initialize(): Promise<void> {
    return this.#link.find();
  }

  /**
   * Writes one entry, once, though it is offered again while the chain is away for some seconds.
   * @returns its id, when it is durable, or as far as `waitFor` says
   * @throws BlockchainLoggerError CHAIN_ENTRY_INVALID with the path of the field at fault, CHAIN_BUSY, CHAIN_UNAVAILABLE,
   * UNAUTHORIZED …
   */
  async logEvent(eventType: string, data: Record<string, unknown>, options: LogEventOptions = {}): Promise<string> {
    refuseInexact(data);
    const params = { eventType, data, idempotencyKey: randomUUID(), ...options };
    const question = { action: `${SERVICE}.log`, params, body: params, timeout: LOG_MS } as const;
    const deadline = performance.now() + LOG_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await this.#link.ask<{ id: string }>({
          ...question,
          method: "POST",
          path: "/api/chain/entries",
        });
        return answer.id;
      } catch (error) {
        const pause = PAUSES_MS[attempt];
        const isLate = pause === undefined || performance.now() + pause > deadline;
        if (isLate || !RETRYABLE.includes((error as BlockchainLoggerError).code)) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  /** @param which id or index. @throws BlockchainLoggerError NOT_FOUND */
  getEntry(which: string | number): Promise<LoggedEntry> {
    const isIndex = typeof which === "number";
    return this.#link.ask({
      action: `${SERVICE}.entry`,
      params: isIndex ? { index: which } : { id: which },
      path: `/api/chain/entries/${isIndex ? `at/${which}` : encodeURIComponent(which)}`,
    });
  }

  /** Recomputes every entry, block, signature and link of the log's files where they are; says what is at fault. */
  validateBlockchain(range: ValidationRange = {}): Promise<ValidationResult> {
    const query = new URLSearchParams(Object.entries(range).map(([name, value]) => [name, String(value)]));
    return this.#link.ask({
      action: `${SERVICE}.validate`,
      params: range,
      path: `/api/chain/validation?${query}`,
      timeout: VALIDATION_MS,
    });
  }

  getBlockchainStats(): Promise<BlockchainStats> {
    return this.#link.ask({ action: `${SERVICE}.stats`, path: "/api/chain/stats" });
  }

  /** Waits for nothing any longer. A broker that was given goes on. */
  async shutdown(): Promise<void> {
    this.#link.end();
  }
}

/** JSON would turn NaN into null and round large integers on the way, without a word. */
function refuseInexact(data: unknown): void {
  try {
    canonicalize(data, "data");
  } catch (error) {
    if (!(error instanceof NotCanonical)) throw error;
    const { path, why } = error;
    throw new BlockchainLoggerError("CHAIN_ENTRY_INVALID", `${path}: ${why}`, 400, [{ field: path, allowed: why }]);
  }
}
