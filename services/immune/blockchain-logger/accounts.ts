import { setImmediate } from "node:timers/promises";
import type { ServiceBroker } from "moleculer";
import { systemClock } from "../../../runtime/clock.ts";
import type { LeafEntry } from "../../../tlog/entry.ts";
import type { Chain, Logger } from "./chain.ts";
import type { Committed } from "./log/group-commit.ts";
import { prunedBefore } from "./pruning.ts";
import { type AccountedNow, type ReadEntry, Reconciler } from "./reconcile/reconciler.ts";
import { gapsIn, summarize, type Verdict } from "./reconcile/verdict.ts";

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
  readonly #onGap: (why: string) => void;
  /** Whether the past is read: until then what comes becomes part of it. */
  #isReady = false;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** @param onGap called with what a verdict has found missing or extra, in words */
  constructor(broker: ServiceBroker, chain: Chain, logger: Logger, onGap: (why: string) => void) {
    this.#broker = broker;
    this.#onGap = onGap;
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
    const last = await this.#lastVerdict();
    const pruned = prunedBefore(log.reader.folder, log.reader.size);
    const from = Math.max(pruned, Reconciler.resumeIndex(last, log.size));
    this.#reconciler.resume(last, from);
    for (let index = from; index < log.size && !this.#stopped; index++) {
      if (index % READ_AT_ONCE === 0) await setImmediate();
      const leaf = this.#bytesAt(index);
      if (leaf) this.#read(index, leaf);
    }
    this.#isReady = true;
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#forgetBus();
    this.#cancel?.();
  }

  /** Entries that have become durable. */
  committed(committed: readonly Committed[]): void {
    if (!this.#isReady) return;
    for (const one of committed) if ("entry" in one) this.#read(one.entry.index, one.entry.bytes);
  }

  nodeDown(node: string, instance: string | undefined, at: number): void {
    this.#reconciler.nodeDown(node, instance, at);
  }

  /** @param range ISO 8601; without times the whole log */
  async report(range: { from?: string; to?: string }): Promise<AccountedNow> {
    const now = this.#reconciler.report(range);
    if (range.from !== undefined || range.to !== undefined)
      return { ...summarize(await this.#verdicts(range, {})), open: now.open };
    if (this.#reconciler.knowsAll) return now;
    // The numbers of the whole log are in its last verdict. What was found is in those that found something.
    const found = await this.#verdicts({}, { text: '"findings":[{' });
    const withdrew = await this.#verdicts({}, { text: '"withdrawn":[{' });
    const verdicts = new Map([...found, ...withdrew].map((verdict) => [verdict.number, verdict]));
    const { gaps, declarations } = summarize([...verdicts.values()].sort((one, other) => one.number - other.number));
    return { ...now, gaps, declarations };
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

  async #verdicts(
    { from = "", to = "9999" }: { from?: string; to?: string },
    more: { text?: string },
  ): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    await this.#chain.catchUp();
    const { reader } = this.#chain.log;
    const least = prunedBefore(reader.folder, reader.size);
    // A verdict comes after its epoch, never before.
    const asked = {
      eventType: "accounting.verdict",
      limit: VERDICTS_A_PAGE,
      least,
      ...more,
      ...(from ? { from } : {}),
    };
    for (let after: string | undefined; verdicts.length < MOST_VERDICTS; ) {
      const page = await this.#chain.index.query({ ...asked, ...(after === undefined ? {} : { after }) });
      verdicts.push(...page.indexes.map((index) => this.#verdictAt(index)));
      after = page.next;
      if (after === undefined) break;
    }
    const [first, end] = [Date.parse(from) || 0, Date.parse(to)];
    return verdicts.filter(({ since }) => Date.parse(since) >= first && Date.parse(since) < end);
  }

  async #lastVerdict(): Promise<Verdict | undefined> {
    await this.#chain.catchUp();
    const { reader } = this.#chain.log;
    const least = prunedBefore(reader.folder, reader.size);
    const asked = { eventType: "accounting.verdict", order: "desc", limit: 1, least } as const;
    const { indexes } = await this.#chain.index.query(asked);
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
    // Whoever writes the log must not fail because somebody has written into it what nobody expects.
    try {
      const { eventType, data } = JSON.parse(bytes.toString()) as LeafEntry;
      const entry: ReadEntry = { index, eventType, data };
      this.#reconciler.entry(entry);
      const why = this.#isReady && eventType === "accounting.verdict" && gapsIn(data as unknown as Verdict);
      if (why) this.#onGap(why);
    } catch (error) {
      this.#logger.error(`entry ${index} could not be accounted for: ${(error as Error).message}`);
    }
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
