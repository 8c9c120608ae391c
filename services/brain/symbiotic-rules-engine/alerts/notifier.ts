import type { Clock } from "../../../../runtime/clock.ts";
import { type Channel, ChannelError } from "./channel.ts";
import { type Due, kindOf, type Lane, type Line, lineOf, type Told, urgency } from "./lanes.ts";
import { News, type NewsOptions } from "./news.ts";

export interface NotifierOptions extends NewsOptions {
  channels: readonly Channel[];
  clock: Clock;
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
  readonly #news: News;
  readonly #lanes: Lane[];
  readonly #ended = new AbortController();

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#news = new News(options);
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
      const news = this.#news.since(lane, group);
      if (news.length > 0) line.since ??= now;
      else line.since = undefined;
      const isCritical = news.some(({ severity, state }) => severity === "critical" && state === "firing");
      const paused = line.sent !== undefined && !isCritical && now - line.sent < PAUSE_MS;
      const isReady = news.length > 0 && now - line.since! >= GATHER_MS && !paused;
      const repeats = news.length === 0 ? this.#news.again(lane, line, group, now) : [];
      if (news.length === 0 && repeats.length === 0) line.failures = 0;
      if (now < line.notBefore || (!isReady && repeats.length === 0)) return [];
      const records = isReady ? news : repeats;
      return [{ group, line, records, kind: kindOf(records, isReady) }];
    });
    this.#tellTrouble(lane);
    const most = due.toSorted(
      (one, other) => one.line.failures - other.line.failures || urgency(other.records) - urgency(one.records),
    )[0];
    return most && { line: most.line, records: most.records, message: this.#news.message(lane, most) };
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
