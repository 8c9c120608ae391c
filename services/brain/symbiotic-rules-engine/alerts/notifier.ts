import type { AlertGroup, AlertMessage, Severity } from "../../../../models/alerts.ts";
import type { Clock } from "../../../../runtime/clock.ts";
import type { AlertManager } from "./alert-manager.ts";
import { messageOf } from "./alert-message.ts";
import { type AlertRecord, rank } from "./alert-record.ts";
import { type Channel, ChannelError } from "./channel.ts";
import { type Due, isOwnTrouble, kindOf, type Lane, type Line, lineOf, type Told, urgency } from "./lanes.ts";

export interface NotifierOptions {
  manager: AlertManager;
  channels: readonly Channel[];
  clock: Clock;
  wall(): number;
  organism: string;
  /** Less severe alerts are not sent. */
  severity: Severity;
  /** Time between two messages of a group in which nothing changes, ms. */
  repeat: number;
  /** Told when a channel begins to fail, and when it takes messages again. */
  trouble(channel: string, what: string): void;
  /** What was told has changed and is to be kept. */
  told(): void;
  /** 0 to 1. @default Math.random */
  random?(): number;
}

/** What begins together is told together. */
const GATHER_MS = 5000;
/** Least time between two messages of a group; something critical does not wait for it. */
const PAUSE_MS = 60_000;
const RETRY_MS = [5000, 15_000, 60_000, 300_000];
const LONGEST_RETRY_MS = 600_000;
const JITTER = 0.2;

/**
 * Sends what channels do not know yet. There is no queue: an alert carries the newest revision that each channel has taken,
 * so a message is made when it is sent, of all that has changed in its group by then. While a receiver is away nothing
 * piles up, and after a restart nothing is forgotten.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #lanes: Lane[];
  readonly #ended = new AbortController();

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#lanes = options.channels.map((channel) => ({
      channel,
      lines: new Map(),
      notBefore: 0,
      failures: 0,
      why: "",
      sent: 0,
      failed: 0,
      running: undefined,
    }));
  }

  /** At most one message of each channel is under way. */
  tick(): void {
    if (this.#ended.signal.aborted) return;
    for (const lane of this.#lanes) {
      if (lane.running) continue;
      const next = this.#due(lane);
      if (!next) continue;
      lane.running = this.#send(lane, next).finally(() => {
        lane.running = undefined;
      });
    }
  }

  states(): { channel: string; sent: number; failed: number; failing: boolean; why: string }[] {
    return this.#lanes.map(({ channel, sent, failed, why }) => ({
      channel: channel.name,
      sent,
      failed,
      failing: why !== "",
      why,
    }));
  }

  /** Lets messages under way arrive, for `ms` at most. */
  async stop(ms: number): Promise<void> {
    const cancel = this.#options.clock.after(ms, () => this.#ended.abort());
    await Promise.all(this.#lanes.map(({ running }) => running));
    cancel();
    this.#ended.abort();
  }

  snapshot(): Told[] {
    return this.#lanes.flatMap(({ channel, lines }) =>
      [...lines]
        .filter(([, { sent }]) => sent !== undefined)
        .map(([group, { sentAt, round }]) => ({ channel: channel.name, group, at: sentAt, round })),
    );
  }

  restore(saved: unknown): void {
    const now = this.#options.clock.now();
    const wall = this.#options.wall();
    for (const one of Array.isArray(saved) ? (saved as (Partial<Told> | null)[]) : []) {
      const lane = this.#lanes.find(({ channel }) => channel.name === one?.channel);
      if (!lane || !one || typeof one.group !== "string" || !Number.isFinite(one.at) || !Number.isFinite(one.round))
        continue;
      const line = lineOf(lane, one.group);
      // By a clock that was set meanwhile it would seem to be long ago, or yet to come.
      const ago = Math.min(this.#options.repeat, Math.max(0, wall - one.at!));
      Object.assign(line, { sent: now - ago, sentAt: one.at, round: one.round });
    }
  }

  /** Of the groups that may be told now those that have not failed first, so that no message holds up the others; then what matters most. */
  #due(lane: Lane): Due | undefined {
    const { manager, clock } = this.#options;
    const now = clock.now();
    if (now < lane.notBefore) return undefined;
    const due = manager.table.groups().flatMap((group) => {
      const line = lineOf(lane, group);
      const news = [...manager.table.group(group)].filter((record) => this.#isNews(record, lane));
      if (news.length > 0) line.since ??= now;
      else line.since = undefined;
      const isCritical = news.some(({ severity, state }) => severity === "critical" && state === "firing");
      const paused = line.sent !== undefined && !isCritical && now - line.sent < PAUSE_MS;
      const isReady = news.length > 0 && now - line.since! >= GATHER_MS && !paused;
      const repeats = news.length === 0 ? this.#repeated(lane, line, group, now) : [];
      if (news.length === 0 && repeats.length === 0) line.failures = 0;
      if (now < line.notBefore || (!isReady && repeats.length === 0)) return [];
      const records = isReady ? news : repeats;
      return [{ group, line, records, kind: kindOf(records, isReady) }];
    });
    this.#tellTrouble(lane);
    const most = due.toSorted(
      (one, other) => one.line.failures - other.line.failures || urgency(other.records) - urgency(one.records),
    )[0];
    return most && { line: most.line, records: most.records, message: this.#message(lane, most) };
  }

  #isNews(record: AlertRecord, { channel: { name } }: Lane): boolean {
    const { manager, severity } = this.#options;
    const told = record.told[name] ?? 0;
    if (isOwnTrouble(record, name)) return false;
    if (record.state === "pending" || record.revision <= told) return false;
    // Whoever may know that it fires is told its end, whatever was silenced meanwhile: else it stays open there for ever.
    if (record.state === "resolved" && (record.sent[name] ?? 0) >= record.firedRevision) return true;
    if (rank(record.severity) < rank(severity) && told < record.firedRevision) return false;
    if (manager.silencedBy(record) === null) return true;
    // It came and went in silence.
    if (record.state === "resolved") record.told[name] = record.revision;
    return false;
  }

  #repeated({ channel: { name } }: Lane, line: Line, group: AlertGroup, now: number): AlertRecord[] {
    const { manager, repeat, severity } = this.#options;
    if (line.sent === undefined || now - line.sent < repeat) return [];
    return [...manager.table.group(group)].filter(
      (record) =>
        record.state === "firing" &&
        record.acknowledged === null &&
        !isOwnTrouble(record, name) &&
        rank(record.severity) >= rank(severity) &&
        manager.silencedBy(record) === null,
    );
  }

  #message(
    { channel }: Lane,
    {
      group,
      line,
      records,
      kind,
    }: { group: AlertGroup; line: Line; records: AlertRecord[]; kind: AlertMessage["kind"] },
  ): AlertMessage {
    const { manager, organism, wall } = this.#options;
    const firing = [...manager.table.group(group)].filter(({ state }) => state === "firing").length;
    return messageOf({
      organism,
      channel: channel.name,
      group,
      kind,
      round: kind === "repeat" ? line.round + 1 : line.round,
      at: wall(),
      alerts: records.map((record) => manager.view(record)),
      firing: firing + manager.notKept(group),
    });
  }

  async #send(lane: Lane, { line, message, records }: Due): Promise<void> {
    const { clock, wall, told } = this.#options;
    // What changes while it is under way is news again.
    const revisions = records.map(({ revision }) => revision);
    for (const record of records) record.sent[lane.channel.name] = record.revision;
    try {
      await lane.channel.send(message, this.#ended.signal);
    } catch (error) {
      this.#failed(lane, line, error as Error);
      return;
    }
    for (const [i, record] of records.entries())
      record.told[lane.channel.name] = Math.max(record.told[lane.channel.name] ?? 0, revisions[i]!);
    if (message.kind === "repeat") line.round++;
    line.sent = clock.now();
    line.sentAt = wall();
    line.since = undefined;
    line.failures = 0;
    lane.sent++;
    lane.failures = 0;
    this.#tellTrouble(lane);
    told();
  }

  #failed(lane: Lane, line: Line, error: Error): void {
    if (this.#ended.signal.aborted) return;
    const { clock, random = Math.random, trouble } = this.#options;
    const now = clock.now();
    const wait = RETRY_MS[Math.min(line.failures, RETRY_MS.length - 1)]! * (1 + JITTER * (2 * random() - 1));
    const asked = error instanceof ChannelError ? (error.retryAfter ?? 0) : 0;
    line.failures++;
    line.notBefore = now + Math.min(LONGEST_RETRY_MS, Math.max(wait, asked));
    // One refused message must not hold up the others; a receiver that refuses several is left in peace.
    lane.failures++;
    lane.failed++;
    if (lane.failures > 1 || asked > 0) lane.notBefore = line.notBefore;
    if (lane.why !== error.message) trouble(lane.channel.name, `does not take alerts: ${error.message}`);
    lane.why = error.message;
  }

  /** It is over when there is no message left that it has not taken. */
  #tellTrouble(lane: Lane): void {
    if (lane.why === "" || [...lane.lines.values()].some(({ failures }) => failures > 0)) return;
    lane.why = "";
    this.#options.trouble(lane.channel.name, "takes alerts again");
  }
}
