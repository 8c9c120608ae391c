import { MultisetHash, type Salt, saltOf } from "./multiset-hash.ts";
import { PacketIdReader } from "./packet-id.ts";
import type { ReceivedRow, SentRow } from "./report.ts";
import { SeenNumbers } from "./seen-numbers.ts";

/** What is known of a node that packets are sent to. */
export interface Receiver {
  /** Mark of its incarnation. */
  mark: string;
  /** Whether it counts what it receives. */
  counts: boolean;
}

export interface LedgerOptions {
  /** Id of the node whose ledger it is. */
  node: string;
  /** Mark of its incarnation. */
  mark: string;
  /** The epoch that this node is in. */
  epoch(): number;
  receiver(node: string): Receiver | undefined;
  /** Whether a node gives its packets ids that can be counted. */
  numbers(node: string): boolean;
  /** Most memory for ids by which packets that come twice are known, bytes. @default 16 MiB */
  maxSeenBytes?: number;
}

/** What went one way in one epoch. */
class Bucket {
  readonly epoch: number;
  readonly salt: Salt;
  hash = new MultisetHash();
  calls = 0;
  events = 0;

  constructor(epoch: number, salt: Salt) {
    this.epoch = epoch;
    this.salt = salt;
  }

  add(number: number, isCall: boolean): void {
    this.hash.add(number, this.salt);
    if (isCall) this.calls++;
    else this.events++;
  }

  clear(): void {
    this.hash = new MultisetHash();
    this.calls = 0;
    this.events = 0;
  }
}

class Dispatches extends Bucket {
  unsent = 0;
}

class Receipts extends Bucket {
  readonly mark: string;
  /** The own epoch in which the first of them came. */
  readonly since: number;
  readonly seen = new SeenNumbers();
  /** Packets that came a second time. */
  again = 0;

  constructor(mark: string, epoch: number, salt: Salt, since: number) {
    super(epoch, salt);
    this.mark = mark;
    this.since = since;
  }
}

const NO_SALT = saltOf("");
const NO_DISPATCHES = new Dispatches(-1, NO_SALT);
const NO_RECEIPTS = new Receipts("", -1, NO_SALT, -1);

/** What was sent to one node in one of its incarnations. */
class Sending {
  readonly to: string;
  readonly mark: string;
  readonly counts: boolean;
  readonly epochs = new Map<number, Dispatches>();
  last = NO_DISPATCHES;

  constructor(to: string, { mark, counts }: Receiver) {
    this.to = to;
    this.mark = mark;
    this.counts = counts;
  }
}

/** What came from one node. */
class Receiving {
  readonly from: string;
  receipts: Receipts[] = [];
  last = NO_RECEIPTS;
  /** Packets with ids that cannot be counted. */
  unmarked = 0;

  constructor(from: string) {
    this.from = from;
  }
}

/** For so many epochs a packet that comes again is known. */
const EPOCHS_SEEN = 30;
/** Nodes that are counted, each way. */
const MAX_NODES = 10_000;

/**
 * Counts what a node sends to each other one and receives from it: calls and events, by the epoch in which the sender made
 * the packet's id. A packet that comes twice is counted once.
 */
export class Ledger {
  readonly #options: Required<LedgerOptions>;
  readonly #sendings = new Map<string, Sending>();
  /** To incarnations that are no more. */
  #ended: Sending[] = [];
  readonly #receivings = new Map<string, Receiving>();
  readonly #id = new PacketIdReader();
  #salt = { epoch: -1, salt: NO_SALT };

  constructor(options: LedgerOptions) {
    this.#options = { maxSeenBytes: 16 * 1024 * 1024, ...options };
  }

  /** A call or an event goes to another node. */
  sent(to: string, id: string, isCall: boolean): void {
    const sending = this.#sendings.get(to) ?? this.#newSending(to);
    if (!sending?.counts || !this.#id.read(id)) return;
    const { epoch, number } = this.#id;
    const { last } = sending;
    (last.epoch === epoch ? last : this.#dispatchesOf(sending, epoch)).add(number, isCall);
  }

  /** What `sent` has counted was not sent after all. */
  unsent(to: string, id: string, isCall: boolean): void {
    const sending = this.#sendings.get(to);
    if (!sending?.counts || !this.#id.read(id)) return;
    const dispatches = this.#dispatchesOf(sending, this.#id.epoch);
    dispatches.hash.remove(this.#id.number, dispatches.salt);
    if (isCall) dispatches.calls--;
    else dispatches.events--;
    dispatches.unsent++;
  }

  /** A call or an event has come from another node. */
  received(from: string, id: string, isCall: boolean): void {
    const receiving = this.#receivings.get(from) ?? this.#newReceiving(from);
    if (!receiving) return;
    const reader = this.#id;
    if (!reader.read(id)) {
      if (this.#options.numbers(from)) receiving.unmarked++;
      return;
    }
    const { last } = receiving;
    const receipts = last.epoch === reader.epoch && reader.hasMark(last.mark) ? last : this.#receiptsOf(receiving);
    if (receipts.seen.add(reader.number)) receipts.add(reader.number, isCall);
    else receipts.again++;
  }

  /** A node has begun a new life, or is known better now. */
  changed(node: string): void {
    const sending = this.#sendings.get(node);
    this.#sendings.delete(node);
    if (sending && sending.epochs.size > 0) this.#ended.push(sending);
  }

  /**
   * Takes what was counted in epochs before the given one. What is counted for them later is in a later answer, so that
   * the sum of all answers is right.
   * @param before `Infinity` for everything
   */
  take(before: number): { sent: SentRow[]; received: ReceivedRow[]; unmarked: { from: string; count: number }[] } {
    const sent = [...this.#ended, ...this.#sendings.values()].flatMap((sending) => takeSent(sending, before));
    this.#ended = this.#ended.filter(({ epochs }) => epochs.size > 0);
    const received = [...this.#receivings.values()].flatMap((receiving) => takeReceived(receiving, before));
    const unmarked = [...this.#receivings.values()].flatMap(({ from, unmarked: count }) =>
      count > 0 ? [{ from, count }] : [],
    );
    for (const receiving of this.#receivings.values()) receiving.unmarked = 0;
    this.#tidy();
    return { sent, received, unmarked };
  }

  /** Forgets by which ids packets that come twice are known, those of long ago, and the oldest of too many. */
  #tidy(): void {
    const { maxSeenBytes, epoch } = this.#options;
    const oldest = epoch() - EPOCHS_SEEN;
    const all = [...this.#receivings.values()].flatMap(({ receipts }) => receipts);
    const dropped = new Set<Receipts>();
    let bytes = 0;
    for (const receipts of all.toSorted((one, other) => other.since - one.since)) {
      bytes += receipts.seen.bytes;
      if ((receipts.since < oldest || bytes > maxSeenBytes) && isEmpty(receipts)) dropped.add(receipts);
    }
    if (dropped.size === 0) return;
    for (const receiving of this.#receivings.values()) {
      receiving.receipts = receiving.receipts.filter((receipts) => !dropped.has(receipts));
      if (dropped.has(receiving.last)) receiving.last = NO_RECEIPTS;
      if (receiving.receipts.length === 0) this.#receivings.delete(receiving.from);
    }
  }

  #newSending(to: string): Sending | undefined {
    const receiver = this.#options.receiver(to);
    if (!receiver || this.#sendings.size >= MAX_NODES) return undefined;
    const sending = new Sending(to, receiver);
    this.#sendings.set(to, sending);
    return sending;
  }

  #dispatchesOf(sending: Sending, epoch: number): Dispatches {
    let dispatches = sending.epochs.get(epoch);
    if (!dispatches) {
      dispatches = new Dispatches(epoch, this.#saltOf(epoch));
      sending.epochs.set(epoch, dispatches);
    }
    sending.last = dispatches;
    return dispatches;
  }

  #saltOf(epoch: number): Salt {
    const { node, mark } = this.#options;
    if (this.#salt.epoch !== epoch) this.#salt = { epoch, salt: packetSalt(node, mark, epoch) };
    return this.#salt.salt;
  }

  #newReceiving(from: string): Receiving | undefined {
    if (this.#receivings.size >= MAX_NODES) return undefined;
    const receiving = new Receiving(from);
    this.#receivings.set(from, receiving);
    return receiving;
  }

  /** Of the sender's incarnation and epoch whose id was just read. */
  #receiptsOf(receiving: Receiving): Receipts {
    const { epoch, mark } = this.#id;
    let receipts = receiving.receipts.find((one) => one.epoch === epoch && one.mark === mark);
    if (!receipts) {
      receipts = new Receipts(mark, epoch, packetSalt(receiving.from, mark, epoch), this.#options.epoch());
      receiving.receipts.push(receipts);
    }
    receiving.last = receipts;
    return receipts;
  }
}

/** Both sides make the same hash of the same packets. */
export function packetSalt(from: string, mark: string, epoch: number): Salt {
  return saltOf(`packets/${from}/${mark}/${epoch}`);
}

function takeSent(sending: Sending, before: number): SentRow[] {
  const { to, mark, epochs } = sending;
  const rows: SentRow[] = [];
  for (const { epoch, calls, events, hash, unsent } of epochs.values()) {
    if (epoch >= before) continue;
    epochs.delete(epoch);
    if (sending.last.epoch === epoch) sending.last = NO_DISPATCHES;
    rows.push({ to, mark, epoch, calls, events, hash: hash.toString(), ...(unsent > 0 ? { unsent } : {}) });
  }
  return rows;
}

function takeReceived({ from, receipts: all }: Receiving, before: number): ReceivedRow[] {
  const rows: ReceivedRow[] = [];
  for (const receipts of all) {
    const { epoch, mark, calls, events, hash, again } = receipts;
    // A sender whose clock is ahead of ours is in an epoch that we shall be in much later.
    if ((epoch >= before && epoch <= before + 1) || isEmpty(receipts)) continue;
    rows.push({ from, mark, epoch, calls, events, hash: hash.toString(), ...(again > 0 ? { again } : {}) });
    receipts.clear();
    receipts.again = 0;
  }
  return rows;
}

function isEmpty({ calls, events, again }: Receipts): boolean {
  return calls === 0 && events === 0 && again === 0;
}
