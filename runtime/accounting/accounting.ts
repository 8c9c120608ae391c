import type { BrokerOptions, Middleware, ServiceBroker } from "moleculer";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { EPOCH_MS } from "../record/epoch.ts";
import type { Recorder } from "../record/recorder.ts";
import { EntryTally } from "./entry-tally.ts";
import { Ledger } from "./ledger.ts";
import { isLeftOut } from "./left-out.ts";
import { OwnEpoch } from "./own-epoch.ts";
import { markOf, PacketIds } from "./packet-id.ts";
import { type NodeReport, ReportSigner, type SignedReport } from "./report.ts";
import { Reporting } from "./reporting.ts";

export type AccountingRecorder = Pick<Recorder, "durable" | "on" | "stats">;

/** As Moleculer hands it to `transitPublish`, with what the transporter says of it. */
interface OutgoingPacket {
  type: string;
  target?: string | null;
  payload: PacketPayload;
  /** The transporter knows that it went nowhere. */
  unsent?: boolean;
}
interface PacketPayload {
  id: string;
  sender?: string;
  action?: string;
  event?: string;
  /** Of the pieces of a stream; the first, which is the call, has none or 0. */
  seq?: number;
}
type Publish = (packet: OutgoingPacket) => Promise<unknown>;
type MessageHandler = (command: string, packet: { payload?: PacketPayload }) => Promise<unknown>;
interface PeerNode {
  id: string;
  instanceID?: string;
  metadata?: { accounting?: unknown };
}

/** Time after an epoch's end in which what is under way still comes, ms. */
const SETTLE_MS = 1000;

/**
 * One node's part in accounting for calls and events: numbers what it sends, counts what it sends to and receives from
 * each other node that counts, too, and what it records; and says so in a signed entry for each epoch in which there was
 * anything.
 */
export class Accounting {
  readonly #clock: Clock;
  readonly #signer = new ReportSigner();
  readonly #epoch: OwnEpoch;
  #broker!: ServiceBroker;
  #ids: PacketIds | undefined;
  #ledger!: Ledger;
  #entries!: EntryTally;
  #reporting: Reporting | undefined;
  #cancelSettle: (() => void) | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#epoch = new OwnEpoch(clock);
  }

  /** Whether the broker was made with it. */
  get isOn(): boolean {
    return this.#broker !== undefined;
  }

  /** Told to the other nodes in the node's metadata: only who announces it is counted. */
  get metadata(): { accounting: string } {
    return { accounting: this.#signer.key };
  }

  /** @param own the project's own generator: its ids get an ending */
  uidGenerator(own?: BrokerOptions["uidGenerator"] | null): NonNullable<BrokerOptions["uidGenerator"]> {
    const accounting = this;
    // Moleculer gives the broker as `this`.
    return function (this: ServiceBroker) {
      const id = (accounting.#ids ?? accounting.#newIds(this)).next();
      return own ? `${own.call(this)}-${id}` : id;
    };
  }

  /** To stand first, closest to what handles packets: what a middleware drops on the way has not been received. */
  receiving(): Middleware {
    return {
      name: "AccountingOfReceived",
      created: (broker: ServiceBroker) => this.#attach(broker),
      transitMessageHandler: (next: MessageHandler): MessageHandler => {
        return (command, packet) => {
          const isCall = command === "REQ";
          if (isCall || command === "EVENT") this.#received(isCall, packet.payload);
          return next(command, packet);
        };
      },
    } as unknown as Middleware;
  }

  /** To stand last, closest to who sends: what a middleware drops on the way has been sent. */
  sending(): Middleware {
    return {
      name: "AccountingOfSent",
      transitPublish: (next: Publish): Publish => {
        return (packet) => {
          const isCall = packet.type === "REQ";
          return isCall || packet.type === "EVENT" ? this.#publish(next, packet, isCall) : next(packet);
        };
      },
      // Before the recorder delivers for the last time.
      stopping: () => this.#stop(),
    } as unknown as Middleware;
  }

  /** Begins to report. What was counted before is in the first report. */
  start(recorder: AccountingRecorder): void {
    const { nodeID, instanceID } = this.#broker;
    const reporting = new Reporting({
      recorder,
      sign: (report) => this.#signer.sign(report),
      base: () => ({
        node: nodeID,
        instance: instanceID,
        epoch: this.#epoch.current,
        at: this.#clock.now(),
      }),
      started: this.#clock.now(),
      take: (before) => ({ ...this.#ledger.take(before), entries: this.#entries.take(before) }),
      entries: this.#entries,
      failed: (error) => this.#broker.logger.warn("the accounting of this node could not be recorded", error),
    });
    this.#reporting = reporting;
    this.#epoch.start((epoch) => {
      this.#ids?.begin(epoch);
      // A loop that was busy has not read yet what has come meanwhile.
      const late = this.#clock.now() % EPOCH_MS;
      this.#cancelSettle?.();
      this.#cancelSettle = this.#clock.after(SETTLE_MS + late, () => void reporting.report({ before: epoch }));
    });
  }

  /** The chain asks for everything that has come until now. It is in an entry soon. */
  ask(asked: number): void {
    // Other connections may hold what was sent before the question.
    this.#clock.after(SETTLE_MS, () => void this.#reporting?.report({ before: Infinity, asked }));
  }

  /** A call to that node has ended without an answer. */
  lost(node: string): void {
    this.#reporting?.lost(node);
  }

  async #stop(): Promise<void> {
    this.#epoch.stop();
    this.#cancelSettle?.();
    await this.#reporting?.report({ before: Infinity, final: true });
    this.#reporting = undefined;
  }

  #publish(next: Publish, packet: OutgoingPacket, isCall: boolean): Promise<unknown> {
    const { target, payload } = packet;
    // What cannot be sent is refused, and so its caller knows of it.
    const isCounted = target && target !== this.#broker.nodeID && this.#broker.transit!.tx!.connected;
    if (!isCounted || payload.seq! > 0 || isLeftOut((isCall ? payload.action : payload.event) ?? ""))
      return next(packet);
    this.#ledger.sent(target, payload.id, isCall);
    const sent = next(packet);
    if (packet.unsent) this.#ledger.unsent(target, payload.id, isCall);
    return sent;
  }

  #received(isCall: boolean, payload: PacketPayload | undefined): void {
    const sender = payload?.sender;
    if (!sender || sender === this.#broker.nodeID || typeof payload.id !== "string" || payload.seq! > 0) return;
    if (!isLeftOut((isCall ? payload.action : payload.event) ?? "")) this.#ledger.received(sender, payload.id, isCall);
  }

  #newIds(broker: ServiceBroker): PacketIds {
    this.#ids = new PacketIds(markOf(broker.instanceID), this.#epoch.current);
    return this.#ids;
  }

  #attach(broker: ServiceBroker): void {
    const { nodeID, instanceID, registry, localBus } = broker;
    this.#broker = broker;
    const peer = (id: string) => registry.nodes.get(id) as unknown as PeerNode | undefined;
    const counts = (id: string) => typeof peer(id)?.metadata?.accounting === "string";
    this.#ledger = new Ledger({
      node: nodeID,
      mark: markOf(instanceID),
      epoch: () => this.#epoch.current,
      receiver: (id) => {
        const node = peer(id);
        return node && { mark: markOf(node.instanceID ?? ""), counts: counts(id) };
      },
      numbers: counts,
    });
    this.#entries = new EntryTally(nodeID, instanceID);
    const changed = ({ node }: { node: PeerNode }) => this.#ledger.changed(node.id);
    for (const event of ["$node.connected", "$node.updated", "$node.disconnected"]) localBus.on(event, changed);
    for (const event of ["$transporter.lost", "$transporter.disconnected"])
      localBus.on(event, () => this.#reporting?.busLost(this.#clock.now()));
    localBus.on("$transporter.connected", ({ wasReconnect }: { wasReconnect: boolean }) => {
      if (wasReconnect) this.#reporting?.busBack(this.#clock.now());
    });
  }
}

export type { NodeReport, SignedReport };
