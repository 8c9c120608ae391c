import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { isAlive, killSession, type ProcessIdentity, signal } from "../../../runtime/process-identity.ts";
import type { Spawned } from "../../../runtime/spawn-process.ts";
import type { Journal } from "./journal.ts";

/** A process of this machine: a node or a program. */
export interface Member {
  /** Node id, or `program:<name>`. */
  key: string;
  identity: ProcessIdentity;
  incarnation: number;
  /** ms since the epoch. */
  since: number;
}

interface FleetEvents {
  /** The process is no more. `how` says what is known: `exit code 1`, `killed by SIGKILL`, `gone`. */
  gone: [member: Member, how: string];
}

/** Processes that are not our children tell nobody when they end; they are looked at this often. */
const LOOK_EVERY_MS = 250;
const KILL_AFTER_MS = 5000;
/** The exit event of a child comes at once; this long after its death it is no longer waited for. */
const EXIT_EVENT_MS = 50;

/** The processes that the orchestrator started or adopted. Every start and end stands in the journal. */
export class Fleet extends EventEmitter<FleetEvents> {
  readonly #journal: Journal;
  readonly #members = new Map<string, Member>();
  readonly #children = new WeakMap<Member, ChildProcess>();
  #timer: NodeJS.Timeout | undefined;

  constructor(journal: Journal) {
    super();
    this.#journal = journal;
  }

  get(key: string): Member | undefined {
    return this.#members.get(key);
  }

  /** Takes over what a former life of the orchestrator started and what still lives. Tells which of it does not. */
  adopt(): { living: Member[]; dead: string[] } {
    const living: Member[] = [];
    const dead: string[] = [];
    for (const [key, { identity, incarnation }] of Object.entries(this.#journal.state.processes)) {
      if (isAlive(identity)) living.push(this.#enter({ key, identity, incarnation, since: Date.now() }));
      else {
        dead.push(key);
        this.#journal.append({ type: "gone", key, at: new Date().toISOString() });
      }
    }
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
    return { living, dead };
  }

  /** Enters a process that introduced itself and is not in the journal. */
  take(key: string, identity: ProcessIdentity): Member {
    const known = this.#members.get(key);
    if (known && known.identity.pid === identity.pid && known.identity.startTime === identity.startTime) return known;
    return this.#record(key, identity);
  }

  async spawn(key: string, start: () => Promise<Spawned>): Promise<Member> {
    const { child, identity } = await start();
    const member = this.#record(key, identity);
    this.#children.set(member, child);
    const ended = (code: number | null, by: string | null) =>
      this.#end(member, by ? `killed by ${by}` : `exit code ${code}`);
    if (child.exitCode !== null || child.signalCode !== null) setImmediate(ended, child.exitCode, child.signalCode);
    else child.once("exit", ended);
    return member;
  }

  /** The mesh says that the process has died. It is made sure of, so that there are never two of one name. */
  declareGone(key: string): void {
    const member = this.#members.get(key);
    if (!member) return;
    signal(member.identity, "SIGKILL", true);
    // Its exit event, if we are its parent, knows more than "gone" and comes within milliseconds.
    const child = this.#children.get(member);
    if (!child) this.#end(member, "gone");
    else setTimeout(() => this.#end(member, "gone"), EXIT_EVENT_MS);
  }

  kill(key: string): void {
    const member = this.#members.get(key);
    if (member) signal(member.identity, "SIGKILL", true);
  }

  /** SIGTERM, and after a grace time SIGKILL to the process group. Resolves when it is gone. */
  async terminate(key: string, grace = KILL_AFTER_MS): Promise<void> {
    const member = this.#members.get(key);
    if (!member) return;
    const gone = new Promise<void>((resolve) => {
      const listen = (other: Member) => {
        if (other !== member) return;
        this.off("gone", listen);
        resolve();
      };
      this.on("gone", listen);
    });
    signal(member.identity, "SIGTERM");
    const timer = setTimeout(() => signal(member.identity, "SIGKILL", true), grace);
    await gone;
    clearTimeout(timer);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #record(key: string, identity: ProcessIdentity): Member {
    const incarnation = (this.#journal.state.incarnations[key] ?? 0) + 1;
    const at = new Date().toISOString();
    this.#journal.append({ type: "process", key, identity, incarnation, at });
    return this.#enter({ key, identity, incarnation, since: Date.now() });
  }

  #enter(member: Member): Member {
    this.#members.set(member.key, member);
    return member;
  }

  #look(): void {
    for (const member of this.#members.values()) {
      if (!this.#children.has(member) && !isAlive(member.identity)) this.#end(member, "gone");
    }
  }

  #end(member: Member, how: string): void {
    if (this.#members.get(member.key) !== member) return;
    this.#members.delete(member.key);
    killSession(member.identity);
    this.#journal.append({ type: "gone", key: member.key, at: new Date().toISOString() });
    this.emit("gone", member, how);
  }
}
