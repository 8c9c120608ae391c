import { randomUUID } from "node:crypto";
import type { Context, Middleware, ServiceBroker } from "moleculer";
import { type Clock, systemClock } from "../clock.ts";
import { AzoraError } from "../errors.ts";
import { CallFaults } from "./call-faults.ts";
import { DiskFiller, folderToFill } from "./disk-filler.ts";
import { MemoryLeak } from "./memory-leak.ts";
import { MessageFaults } from "./message-faults.ts";
import type { NodeFault } from "./node-fault.ts";
import { killService, reviveService } from "./service-death.ts";

/** A fault that is there now. */
export interface ActiveFault {
  id: string;
  run: string;
  fault: NodeFault;
  /** ms since the epoch. */
  since: number;
  /** When it ends by itself, ms since the epoch. */
  until: number;
  /** What it has done so far. */
  facts: Record<string, number | string>;
}

interface Entry {
  id: string;
  run: string;
  /** Node that asked for it. */
  by: string;
  fault: NodeFault;
  since: number;
  until: number;
  undo(): unknown;
  facts(): Record<string, number | string>;
  cancel(): void;
}

type Started = Pick<Entry, "undo" | "facts">;
type Handler = (ctx: Context) => Promise<unknown>;

const MAX_ACTIVE = 50;

/** The faults of one node. Each ends by itself after its time, whoever else has died meanwhile. */
export class Faults {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #calls: CallFaults;
  readonly #messages: MessageFaults;
  readonly #entries = new Map<string, Entry>();
  #broker!: ServiceBroker;

  constructor(dataDir: string, clock: Clock = systemClock) {
    this.#dataDir = dataDir;
    this.#clock = clock;
    this.#calls = new CallFaults(clock);
    this.#messages = new MessageFaults(clock);
  }

  /** To be given to the broker when it is made: a transit is wrapped only then. */
  middleware(): Middleware {
    const faults = this;
    return {
      name: "Faults",
      created(broker: ServiceBroker) {
        faults.#broker = broker;
      },
      localAction(next: Handler, action: { rawName?: string; service: { fullName: string } }): Handler {
        const { fullName } = action.service;
        if (/^(\$|node-host$|node-faults$|node-accounting$|node-performance$)/.test(fullName)) return next;
        const isHealth = action.rawName === "health";
        return (ctx) => faults.#calls.around(next, ctx, fullName, isHealth);
      },
      transitMessageHandler(next: (command: string, packet: object) => unknown) {
        return faults.#messages.wrap(() => faults.#broker, next);
      },
    } as unknown as Middleware;
  }

  /** @param by node that asks for it */
  async begin(run: string, by: string, duration: number, fault: NodeFault): Promise<ActiveFault> {
    if (this.#entries.size >= MAX_ACTIVE)
      throw new AzoraError("CHAOS_REFUSED", `${MAX_ACTIVE} faults are active on ${this.#broker.nodeID} already`);
    if ("peer" in fault && this.#messages.isCut(fault.peer))
      throw new AzoraError("CHAOS_REFUSED", `Messages from ${fault.peer} are disturbed already`);
    const { undo, facts } = await this.#start(fault);
    const id = randomUUID();
    const since = this.#clock.now();
    const cancel = this.#clock.after(duration, () => void this.#undo(id));
    const entry: Entry = { id, run, by, fault, since, until: since + duration, undo, facts, cancel };
    this.#entries.set(id, entry);
    return stateOf(entry);
  }

  /** Ends all faults of a run, or all that a node has asked for. Never fails: what cannot be undone is told. */
  async undo(which: { run: string } | { by: string }): Promise<string[]> {
    const wanted = [...this.#entries.values()].filter((entry) =>
      "run" in which ? entry.run === which.run : entry.by === which.by,
    );
    return Promise.all(wanted.map(({ id }) => this.#undo(id)));
  }

  active(): ActiveFault[] {
    return [...this.#entries.values()].map(stateOf);
  }

  calls() {
    return { pairs: this.#calls.pairs(), dropped: this.#calls.dropped };
  }

  async #undo(id: string): Promise<string> {
    const entry = this.#entries.get(id);
    if (!entry) return "ended already";
    this.#entries.delete(id);
    entry.cancel();
    const { kind } = entry.fault;
    try {
      const how = await entry.undo();
      return typeof how === "string" ? `${kind}: ${how}` : `${kind}: undone`;
    } catch (error) {
      this.#broker.logger.error(`${kind} could not be undone`, error);
      return `${kind}: ${(error as Error).message}`;
    }
  }

  async #start(fault: NodeFault): Promise<Started> {
    const nothing = () => ({});
    switch (fault.kind) {
      case "block-loop":
        // After the answer to whoever asked.
        setTimeout(blockLoop, 20, fault.ms);
        return { undo: () => "over by itself", facts: nothing };
      case "leak": {
        const leak = new MemoryLeak(this.#clock, fault.mbPerSecond, fault.limitMB);
        return { undo: () => leak.release(), facts: () => ({ heldMB: leak.heldMB }) };
      }
      case "delay-calls":
      case "fail-calls": {
        const { undo, hits } = this.#calls.begin(fault);
        return { undo, facts: () => ({ calls: hits() }) };
      }
      case "kill-service": {
        const service = await killService(this.#broker, fault.service);
        return { undo: () => reviveService(this.#broker, service), facts: nothing };
      }
      case "drop-messages":
      case "delay-messages": {
        const { undo, hits } = this.#messages.begin(fault);
        return { undo, facts: () => ({ packets: hits() }) };
      }
      case "fill-disk": {
        const folder = folderToFill(this.#dataDir, fault.folder);
        const filler = new DiskFiller(folder, this.#broker.nodeID, fault.leaveMB, fault.maxMB);
        return {
          undo: () => filler.undo(),
          facts: () => ({
            writtenMB: Math.round(filler.writtenMB),
            freeMB: filler.freeMB,
            state: filler.ended ?? "writing",
          }),
        };
      }
      case "watch-calls":
        return { undo: this.#calls.watch(), facts: () => ({ pairs: this.#calls.pairs().length }) };
    }
  }
}

function stateOf({ id, run, fault, since, until, facts }: Entry): ActiveFault {
  return { id, run, fault, since, until, facts: facts() };
}

function blockLoop(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
