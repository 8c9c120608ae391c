import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { Settings } from "../../../runtime/settings.ts";
import { type Block, blockHash } from "../../../tlog/block.ts";
import { Accounts } from "./accounts.ts";
import { Chain, type Logger } from "./chain.ts";
import { busWitness, httpWitness } from "./witnesses/witness-links.ts";
import { Witnessing } from "./witnesses/witnessing.ts";

/** Time before a chain that could not be opened is tried again, ms. */
const RETRY_MS = 1000;
/** Nothing but a person can help here; to try again would not. */
const LASTING = ["CHAIN_ROLLED_BACK", "CHAIN_CORRUPT"];
const WATCH_MS = 1000;

/** Keeps the chain open as long as the service lives, and says why it is not when it is not. */
export class ChainHost {
  readonly #broker: ServiceBroker;
  readonly #logger: Logger;
  readonly #settings: Settings;
  #chain: Chain | undefined;
  #witnessing: Witnessing | undefined;
  #accounts: Accounts | undefined;
  #failure = new AzoraError("CHAIN_UNAVAILABLE", "the audit chain is starting");
  #cancel: (() => void) | undefined;
  #stopped = false;
  #isBeginningAnew = false;
  #countedRefused = 0;
  readonly #alarms = new Map<string, string>();

  constructor(broker: ServiceBroker, logger: Logger, settings: Settings) {
    this.#broker = broker;
    this.#logger = logger;
    this.#settings = settings;
  }

  /** @throws AzoraError with the reason why there is none */
  get chain(): Chain {
    if (this.#chain) return this.#chain;
    throw this.#failure;
  }

  get witnessing(): Witnessing {
    if (this.#witnessing) return this.#witnessing;
    throw this.#failure;
  }

  get accounts(): Accounts {
    if (this.#accounts) return this.#accounts;
    throw this.#failure;
  }

  /** A node was seen to go. */
  nodeDown(node: string, instance: string | undefined, at: number): void {
    this.#accounts?.nodeDown(node, instance, at);
  }

  /** Why there is no chain, where there is none. */
  get failure(): AzoraError | undefined {
    return this.#chain ? undefined : this.#failure;
  }

  /** What is wrong, by its code, in words. */
  get alarms(): ReadonlyMap<string, string> {
    return this.#alarms;
  }

  async start(): Promise<void> {
    try {
      const chain = await Chain.open({
        settings: this.#settings,
        validator: this.#broker.nodeID,
        clock: systemClock,
        logger: this.#logger,
        onBlock: (block) => this.#sealed(block),
        onCommitted: (committed) => this.#accounts?.committed(committed),
        onPublished: () => this.#witnessing?.published(),
      });
      this.#witnessing = new Witnessing({
        log: chain.log,
        links: [busWitness(this.#broker, chain), ...httpWitnesses(this.#settings, chain)],
        policy: this.#settings.AZORA_CHAIN_WITNESS_POLICY as "open" | "closed",
        patience: this.#settings.AZORA_CHAIN_CHECKPOINT_AGE,
        clock: systemClock,
        logger: this.#logger,
      });
      this.#chain = chain;
      this.#accounts = new Accounts(this.#broker, chain, this.#logger, (why) => this.#tell("CHAIN_INCOMPLETE", why));
      this.#accounts.start().catch((error) => this.#logger.error(`the accounts cannot be read: ${error.message}`));
      for (const code of ["CHAIN_UNAVAILABLE", ...LASTING]) this.#alarms.delete(code);
      this.#witnessing.published();
      this.#watch();
    } catch (error) {
      this.#failure =
        error instanceof AzoraError
          ? error
          : new AzoraError("CHAIN_UNAVAILABLE", `the audit chain cannot be opened: ${(error as Error).message}`);
      this.#alarm(this.#failure.type, this.#failure.message);
      if (!LASTING.includes(this.#failure.type)) this.#later(RETRY_MS, () => this.start());
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#close(new AzoraError("CHAIN_UNAVAILABLE", "the audit chain is stopping"));
  }

  async #close(failure: AzoraError): Promise<void> {
    this.#cancel?.();
    this.#witnessing?.stop();
    this.#accounts?.stop();
    const chain = this.#chain;
    this.#chain = undefined;
    this.#failure = failure;
    await chain?.close();
  }

  /**
   * Puts a log that cannot go on, or that a witness contradicts, aside with its keys, and begins a new one whose first
   * words say so.
   * @throws AzoraError CONFLICT where the log is well, or is being put aside
   */
  async beginAnew(reason: string): Promise<{ aside: string }> {
    const failure = this.#chain ? this.#contradicted : this.#failure;
    if (!failure || !LASTING.includes(failure.type) || this.#isBeginningAnew)
      throw new AzoraError("CONFLICT", "the log is well, or begun anew already; there is no reason to begin anew");
    this.#isBeginningAnew = true;
    try {
      await this.#close(failure);
      const aside = this.#putAside();
      await this.start();
      await this.chain.log.log("chain.begun-anew", { aside, reason, why: failure.message });
      return { aside };
    } finally {
      this.#isBeginningAnew = false;
    }
  }

  get #contradicted(): AzoraError | undefined {
    const why = this.#witnessing?.conflict;
    return why === undefined ? undefined : new AzoraError("CHAIN_ROLLED_BACK", why);
  }

  /** @returns where the log and what belongs to its keys stand from now on */
  #putAside(): string {
    const data = this.#settings.AZORA_DATA_DIR;
    const aside = join(data, `chain-until-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`);
    renameSync(join(data, "chain"), aside);
    for (const name of ["log-keys.json", "signed.json"]) {
      const file = join(data, "keys", name);
      if (existsSync(file)) renameSync(file, join(aside, name));
    }
    return aside;
  }

  #sealed(block: Block): void {
    void this.#broker.emit("chain.block", { ...block, hash: blockHash(block) });
  }

  /** Looks once a second for what nobody would tell. */
  #watch(): void {
    const chain = this.#chain;
    if (!chain || this.#stopped) return;
    const { log } = chain;
    const lag = log.checkpointLag;
    const late = lag > this.#settings.AZORA_CHAIN_CHECKPOINT_AGE;
    this.#state(
      "CHAIN_UNAVAILABLE",
      log.writeFailure
        ? `the disk refuses: ${log.writeFailure}`
        : late
          ? `no checkpoint for ${Math.round(lag / 1000)} s: ${log.failure ?? "the disk is slow"}`
          : undefined,
    );
    this.#state("CHAIN_UNWITNESSED", this.#witnessing?.trouble);
    this.#state("CHAIN_ROLLED_BACK", this.#witnessing?.conflict);
    this.#countRefused(chain);
    this.#later(WATCH_MS, async () => this.#watch());
  }

  /** What found no room is on record as a number at least. */
  #countRefused(chain: Chain): void {
    const { refused, queued } = chain.log;
    const count = refused - this.#countedRefused;
    if (count === 0 || queued > 0) return;
    this.#countedRefused = refused;
    chain.log.log("chain.refused", { count }).catch(() => {
      this.#countedRefused -= count;
    });
  }

  #state(code: string, why: string | undefined): void {
    if (why === undefined) this.#alarms.delete(code);
    else this.#alarm(code, why);
  }

  #alarm(code: string, why: string): void {
    const known = this.#alarms.has(code);
    this.#alarms.set(code, why);
    if (!known) this.#tell(code, why);
  }

  #tell(code: string, why: string): void {
    this.#logger.error(`audit chain: ${why}`);
    void this.#broker.emit("chain.alarm", { code, why, at: new Date().toISOString() });
  }

  #later(ms: number, run: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#cancel = systemClock.after(ms, () => {
      run().catch((error) => this.#logger.error(`audit chain: ${(error as Error).message}`));
    });
  }
}

function httpWitnesses({ AZORA_CHAIN_WITNESSES }: Settings, chain: Chain) {
  return AZORA_CHAIN_WITNESSES.split(",")
    .filter(Boolean)
    .map((one) => {
      const at = one.indexOf("@http");
      return httpWitness(one.slice(0, at).trim(), one.slice(at + 1).trim(), chain);
    });
}
