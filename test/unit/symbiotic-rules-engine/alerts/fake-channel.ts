import type { Alert, AlertMessage } from "../../../../models/alerts.ts";
import type { Channel } from "../../../../services/brain/symbiotic-rules-engine/alerts/channel.ts";

/** A receiver that a test has in hand. It believes what it is told, by the revision of each alert. */
export class FakeChannel implements Channel {
  readonly name: string;
  readonly taken: AlertMessage[] = [];
  /** What it knows by now, by the alert's id. */
  readonly known = new Map<string, Alert>();
  /** How it answers from now on. `lost`: it takes the message, and its answer does not arrive. */
  mood: "takes" | "refuses" | "hangs" | "lost" = "takes";
  tries = 0;
  #release: (() => void)[] = [];

  constructor(name = "webhook") {
    this.name = name;
  }

  async send(message: AlertMessage, signal: AbortSignal): Promise<void> {
    this.tries++;
    if (this.mood === "refuses") throw new Error("it answered 500");
    if (this.mood === "hangs")
      await new Promise<void>((resolve, reject) => {
        this.#release.push(resolve);
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    this.taken.push(message);
    for (const alert of message.alerts) {
      const before = this.known.get(alert.id);
      if (!before || before.revision < alert.revision) this.known.set(alert.id, alert);
    }
    if (this.mood === "lost") throw new Error("ECONNRESET");
  }

  release(): void {
    for (const resolve of this.#release.splice(0)) resolve();
  }

  /** `firing heart: service-failed shop, resolved service-failed till` */
  told(): string[] {
    return this.taken.map(({ kind, group, alerts, more }) => {
      const listed = alerts.map(
        ({ alert, subject, state }) => `${state === "resolved" ? "ended " : ""}${alert} ${subject}`,
      );
      return `${kind} ${group}: ${[...listed, ...(more > 0 ? [`${more} more`] : [])].join(", ")}`;
    });
  }

  firing(): string[] {
    return [...this.known.values()]
      .filter(({ state }) => state === "firing")
      .map(({ alert, subject }) => `${alert} ${subject}`)
      .sort();
  }
}

/** Lets what has been promised happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
