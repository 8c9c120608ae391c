import { join } from "node:path";
import type { AlertChange, OrganismGauges, Severity } from "../../../../models/alerts.ts";
import { type Clock, monotonicClock } from "../../../../runtime/clock.ts";
import type { Settings } from "../../../../runtime/settings.ts";
import { AlertFile } from "./alert-file.ts";
import { AlertManager } from "./alert-manager.ts";
import { ENDS } from "./alert-message.ts";
import type { Channel } from "./channel.ts";
import { MailChannel } from "./channels/mail.ts";
import { WebhookChannel } from "./channels/webhook.ts";
import { DefinitionFiles } from "./definition-files.ts";
import { gaugesOf } from "./gauges.ts";
import { Notifier } from "./notifier.ts";
import type { Situation } from "./situation.ts";

export interface AlertingOptions {
  settings: Settings;
  logger: Record<"info" | "warn" | "error", (text: string) => void>;
  /** The project's folder `alerts`. @default none */
  folder?: string;
  /** Own metrics that have been published, as `heart.user-management.signups`. @default none */
  own?(): readonly string[];
  /** For the event `organism.alert`. */
  changed(change: AlertChange): void;
  /** Monotonic. @default the machine's */
  clock?: Clock;
  /** ms since the epoch. @default the machine's */
  wall?(): number;
  /** @default by the settings: webhook and mail */
  channels?: readonly Channel[];
}

/** What is under way gets so long to arrive when the engine stops, ms. */
const LAST_WORDS_MS = 3000;

/** While something has begun or is about to end, it is written so often how long that has been seen, ms. */
const STRETCH_KEPT_MS = 5000;
/** What was seen to hold so long ago says nothing of now, ms. */
const RECENT_MS = 600_000;

/** Alerts from what is known to those who are told: table, log, event, webhook, mail, and a file that survives the engine. */
export class Alerting {
  readonly manager: AlertManager;
  readonly definitions: DefinitionFiles;
  readonly #options: AlertingOptions;
  readonly #notifier: Notifier;
  readonly #file: AlertFile;
  readonly #now: () => number;
  readonly #wall: () => number;
  #written = -1;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #situation: Situation | undefined;
  #told = { faults: false, file: false };

  constructor(options: AlertingOptions) {
    this.#options = options;
    this.#now = () => (options.clock ?? monotonicClock).now();
    this.#wall = options.wall ?? Date.now;
    const { settings, clock = monotonicClock, wall = Date.now, logger, folder, own = () => [] } = options;
    this.definitions = new DefinitionFiles({ ...(folder === undefined ? {} : { folder }), own, logger });
    this.manager = new AlertManager({
      clock,
      wall,
      changed: (change) => this.#changed(change),
      channels: () => this.#notifier.states(),
    });
    this.#notifier = new Notifier({
      manager: this.manager,
      channels: options.channels ?? channelsOf(settings, wall, logger),
      clock,
      wall,
      organism: settings.AZORA_NAMESPACE,
      severity: settings.AZORA_ALERT_SEVERITY as Severity,
      repeat: settings.AZORA_ALERT_REPEAT,
      trouble: (channel, what) => logger.warn(`alerts: ${channel} ${what}`),
      told: () => this.#keep(),
    });
    this.#file = new AlertFile(join(settings.AZORA_DATA_DIR, "alerts", "alerts.json"));
  }

  /** Goes on from what the engine before knew. */
  async open(): Promise<void> {
    await this.look();
    const saved = (await this.#file.read()) as { at?: unknown; alerts?: unknown; told?: unknown } | null | undefined;
    const leftOut = this.manager.restore(saved?.alerts, this.#isRecent(saved?.at));
    this.#notifier.restore(saved?.told);
    const unread = this.#file.failure;
    this.#file.failure = "";
    const why = unread || (leftOut > 0 ? `${leftOut} of its entries are of no use` : "");
    if (why) this.#options.logger.warn(`alerts: what was known before could not be read in full: ${why}`);
  }

  /** Takes in what has changed in the files that say what is an alert. */
  async look(): Promise<void> {
    if (await this.definitions.look()) this.manager.define(this.definitions.effective);
  }

  /** Once a second. */
  tick(situation: Situation): void {
    this.#situation = situation;
    this.manager.tick(situation);
    this.#notifier.tick();
    const isDue = this.#now() - this.#writtenAt >= STRETCH_KEPT_MS && this.manager.isMeasuring();
    if (this.manager.changes !== this.#written || isDue) this.#keep();
    this.#tellTrouble();
  }

  gauges(): OrganismGauges {
    return gaugesOf(this.#situation, this.manager, this.#notifier.states());
  }

  /** For the engine's health. */
  states(): { channels: ReturnType<Notifier["states"]>; file: string; isWriting: boolean } {
    return { channels: this.#notifier.states(), file: this.#file.failure, isWriting: this.#file.isWriting };
  }

  async stop(): Promise<void> {
    await this.#notifier.stop(LAST_WORDS_MS);
    await this.#keep();
  }

  #keep(): Promise<void> {
    this.#written = this.manager.changes;
    this.#writtenAt = this.#now();
    return this.#file.write(() => ({
      at: this.#wall(),
      alerts: this.manager.snapshot(),
      told: this.#notifier.snapshot(),
    }));
  }

  #isRecent(at: unknown): boolean {
    const age = typeof at === "number" ? this.#wall() - at : Number.NaN;
    return age >= 0 && age <= RECENT_MS;
  }

  #changed(change: AlertChange): void {
    const { logger, changed } = this.#options;
    if (change.change === "many") logger.warn(`alerts: ${change.more} more changes; azora alerts list`);
    else {
      const { severity, alert, subject, summary, end } = change.alert;
      const isWorse = change.change === "firing" || change.change === "severity";
      const write = !isWorse ? logger.info : severity === "critical" ? logger.error : logger.warn;
      const text = `alert ${change.change}: ${severity} ${alert} ${subject}: ${summary}${end === null ? "" : ENDS[end]}`;
      write.call(logger, text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " "));
    }
    changed(change);
  }

  /** Once for each time that it begins. */
  #tellTrouble(): void {
    const { count, last } = this.manager.faults;
    const { failure } = this.#file;
    const { logger } = this.#options;
    if (!this.#told.faults && count > 0) logger.warn(`alerts: ${last}; what it is about is not known`);
    if (!this.#told.file && failure) logger.warn(`alerts: they cannot be stored: ${failure}`);
    this.#told = { faults: count > 0, file: failure !== "" };
  }
}

function channelsOf(settings: Settings, wall: () => number, logger: AlertingOptions["logger"]): Channel[] {
  const { AZORA_ALERT_WEBHOOK, AZORA_ALERT_WEBHOOK_SECRET, AZORA_ALERT_SMTP_URL } = settings;
  const channels: Channel[] = [];
  if (AZORA_ALERT_WEBHOOK)
    channels.push(new WebhookChannel({ url: AZORA_ALERT_WEBHOOK, secret: AZORA_ALERT_WEBHOOK_SECRET, wall }));
  if (AZORA_ALERT_SMTP_URL)
    channels.push(
      new MailChannel({
        url: AZORA_ALERT_SMTP_URL,
        from: settings.AZORA_ALERT_MAIL_FROM,
        to: settings.AZORA_ALERT_MAIL_TO.split(",").map((one) => one.trim()),
        refused: (addresses) => logger.warn(`alerts: the mail server refuses ${addresses}`),
      }),
    );
  return channels;
}
