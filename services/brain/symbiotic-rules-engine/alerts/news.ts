import type { AlertGroup, AlertMessage, Severity } from "../../../../models/alerts.ts";
import type { AlertManager } from "./alert-manager.ts";
import { messageOf } from "./alert-message.ts";
import { type AlertRecord, rank } from "./alert-record.ts";
import { isOwnTrouble, type Lane, type Line } from "./lanes.ts";

export interface NewsOptions {
  manager: AlertManager;
  wall(): number;
  organism: string;
  /** Less severe alerts are not sent. */
  severity: Severity;
  /** Time between two messages of a group in which nothing changes, ms. */
  repeat: number;
}

/** What a channel does not know yet, and what it is to be told again. */
export class News {
  readonly #options: NewsOptions;

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  /** Of a group, since the channel was told last. */
  since(lane: Lane, group: AlertGroup): AlertRecord[] {
    return [...this.#options.manager.table.group(group)].filter((record) => this.#isNews(record, lane));
  }

  /** What still fires after a long time, and that nobody has acknowledged. */
  again({ channel: { name } }: Lane, line: Line, group: AlertGroup, now: number): AlertRecord[] {
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

  message(
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
}
