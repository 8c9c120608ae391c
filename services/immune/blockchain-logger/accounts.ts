import { setImmediate } from "node:timers/promises";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import type { LeafEntry } from "../../../tlog/entry.ts";
import type { Chain, Logger } from "./chain.ts";
import type { Committed } from "./log/group-commit.ts";
import { type AccountedNow, type ReadEntry, Reconciler } from "./reconcile/reconciler.ts";
import { type Accounted, summarize, type Verdict } from "./reconcile/verdict.ts";

const TICK_MS = 1000;
const HEARD = ["$node.connected", "$node.updated"];
const ASK_TIMEOUT_MS = 5000;
/** Entries of the past that are read before others have a turn. */
const READ_AT_ONCE = 500;
const VERDICTS_A_PAGE = 1000;
const MOST_VERDICTS = 100_000;
/** Only these entries tell the reconciler anything. The bytes are looked at, since parsing all would cost the writer. */
const TELLING = ['"source":{', '"eventType":"accounting.', '"eventType":"record.refused"'];

interface AnnouncingNode {
  id: string;
  instanceID?: string;
  metadata?: { accounting?: unknown };
}

/** Feeds the reconciler: with the log's past from where it has to begin, with what comes, and with the ends of nodes. */
export class Accounts {
  readonly #chain: Chain;
  readonly #logger: Logger;
  readonly #reconciler: Reconciler;
  readonly #broker: ServiceBroker;
  /** What came while the past was read. */
  #waiting: Committed[] | undefined = [];
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(broker: ServiceBroker, chain: Chain, logger: Logger) {
    this.#broker = broker;
    this.#chain = chain;
    this.#logger = logger;
    this.#reconciler = new Reconciler({
      clock: systemClock,
      node: broker.nodeID,
      record: (eventType, data, idempotencyKey) => chain.log.log(eventType, data, { idempotencyKey }),
      ask: (node, asked) =>
        broker.call("node-accounting.report", { asked }, { nodeID: node, timeout: ASK_TIMEOUT_MS }).catch(() => {}),
      logger,
    });
  }

  /** Resolves once the past is read. */
  async start(): Promise<void> {
    this.#announced();
    const { log } = this.#chain;
    const size = log.size;
    const last = await this.#lastVerdict();
    const from = Reconciler.resumeIndex(last, size);
    if (last) this.#reconciler.resume(last, from);
    for (let index = from; index < size && !this.#stopped; index++) {
      if (index % READ_AT_ONCE === 0) await setImmediate();
      const leaf = this.#bytesAt(index);
      if (leaf) this.#read(index, leaf);
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.committed(waiting.filter((one) => "entry" in one && one.entry.index >= size));
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#forgetBus();
    this.#cancel?.();
  }

  /** Entries that have become durable. */
  committed(committed: readonly Committed[]): void {
    if (this.#waiting) {
      this.#waiting.push(...committed);
      return;
    }
    for (const one of committed) if ("entry" in one) this.#read(one.entry.index, one.entry.bytes);
  }

  nodeDown(node: string, instance: string | undefined, at: number): void {
    this.#reconciler.nodeDown(node, instance, at);
  }

  /** @param range ISO 8601; without times the whole log */
  async report(range: { from?: string; to?: string }): Promise<AccountedNow> {
    const now = this.#reconciler.report(range);
    if (range.from === undefined && range.to === undefined) return now;
    return { ...(await this.#summary(range)), open: now.open };
  }

  /** Nodes say on the bus by which key their reports are known, before anybody can write one in their name. */
  #announced(): void {
    const { localBus, registry } = this.#broker;
    for (const event of HEARD) localBus.on(event, this.#heard);
    for (const node of registry.nodes.list({})) this.#heard({ node: node as AnnouncingNode });
  }

  #forgetBus(): void {
    for (const event of HEARD) this.#broker.localBus.off(event, this.#heard);
  }

  readonly #heard = ({ node: { id, instanceID, metadata } }: { node: AnnouncingNode }): void => {
    const key = metadata?.accounting;
    if (instanceID && typeof key === "string") this.#reconciler.announced(id, instanceID, key);
  };

  async #summary({ from = "", to = "9999" }: { from?: string; to?: string }): Promise<Accounted> {
    const verdicts: Verdict[] = [];
    await this.#chain.catchUp();
    // A verdict comes after its epoch, never before.
    const asked = { eventType: "accounting.verdict", limit: VERDICTS_A_PAGE, ...(from ? { from } : {}) };
    for (let after: string | undefined; verdicts.length < MOST_VERDICTS; ) {
      const page = await this.#chain.index.query({ ...asked, ...(after === undefined ? {} : { after }) });
      verdicts.push(...page.indexes.map((index) => this.#verdictAt(index)));
      after = page.next;
      if (after === undefined) break;
    }
    return summarize(verdicts.filter(({ since }) => since >= from && since < to));
  }

  async #lastVerdict(): Promise<Verdict | undefined> {
    await this.#chain.catchUp();
    const { indexes } = await this.#chain.index.query({ eventType: "accounting.verdict", order: "desc", limit: 1 });
    return indexes[0] === undefined ? undefined : this.#verdictAt(indexes[0]);
  }

  #verdictAt(index: number): Verdict {
    return this.#chain.reader.entry(index).data as unknown as Verdict;
  }

  /** Nothing where the payload was pruned. */
  #bytesAt(index: number): Buffer | undefined {
    try {
      return this.#chain.log.leaf(index)?.bytes;
    } catch {
      return undefined;
    }
  }

  #read(index: number, bytes: Buffer): void {
    if (!TELLING.some((mark) => bytes.includes(mark))) return;
    const { eventType, data } = JSON.parse(bytes.toString()) as LeafEntry;
    const entry: ReadEntry = { index, eventType, data };
    this.#reconciler.entry(entry);
  }

  #tick(): void {
    if (this.#stopped) return;
    try {
      this.#reconciler.tick();
    } catch (error) {
      this.#logger.error(`the accounts cannot be closed: ${(error as Error).message}`);
    }
    this.#cancel = systemClock.after(TICK_MS, () => this.#tick());
  }
}
