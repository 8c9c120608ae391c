import { createHmac } from "node:crypto";
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { AlertMessage } from "../../../../../models/alerts.ts";
import { type Channel, ChannelError } from "../channel.ts";

export interface WebhookOptions {
  url: string;
  /** `whsec_` and a key in base64; two with a comma while one takes the other's place. */
  secret: string;
  /** ms since the epoch; receivers refuse what is more than 5 minutes off. */
  wall(): number;
  /** Time until the whole answer is there, ms. @default 10000 */
  timeout?: number;
}

/** An answer is read no further. */
const MAX_ANSWER_BYTES = 4096;

/**
 * Posts messages, signed as in Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks): the body is
 * `{ type: "alert.firing" | "alert.resolved" | "alert.repeat", timestamp, data }`.
 */
export class WebhookChannel implements Channel {
  readonly name = "webhook";
  readonly #options: WebhookOptions;
  readonly #keys: Buffer[];

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#keys = options.secret.split(",").map((one) => Buffer.from(one.trim().slice("whsec_".length), "base64"));
  }

  async send(message: AlertMessage, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ type: `alert.${message.kind}`, timestamp: message.at, data: message });
    const seconds = Math.floor(this.#options.wall() / 1000);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "Azora",
      "webhook-id": message.id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": this.#keys.map((key) => signature(key, message.id, seconds, body)).join(" "),
    };
    const timeout = this.#options.timeout ?? 10_000;
    // A deadline for the whole, so that an answer that comes byte by byte holds nothing up.
    const deadline = AbortSignal.timeout(timeout);
    try {
      await this.#post(body, headers, AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (error instanceof ChannelError) throw error;
      throw new ChannelError(deadline.aborted ? `it does not answer within ${timeout} ms` : reasonOf(error as Error));
    }
  }

  /** Without `fetch`: that follows redirects, or hides what they were, and pools connections over which a retry would hang. */
  #post(body: string, headers: Record<string, string | number>, signal: AbortSignal): Promise<void> {
    const url = new URL(this.#options.url);
    const request = url.protocol === "https:" ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const agent = url.protocol === "https:" ? {} : { agent: new HttpAgent({ keepAlive: false }) };
      const sending = request(url, { method: "POST", headers, signal, ...agent }, (response) => {
        answered(response).then(resolve, reject);
      });
      sending.on("error", reject);
      sending.end(body);
    });
  }
}

/** Of `id.timestamp.body`, with its version. */
export function signature(key: Buffer, id: string, seconds: number, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

async function answered(response: IncomingMessage): Promise<void> {
  const { statusCode = 0, headers } = response;
  if (statusCode >= 200 && statusCode < 300) {
    // It has taken it; what else it says does not matter.
    response.destroy();
    return;
  }
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
  response.destroy();
  // What it says in its answer is not told: it may repeat what it was sent.
  const moved = statusCode >= 300 && statusCode < 400 ? ", and redirects are not followed" : "";
  throw new ChannelError(`it answered ${statusCode}${moved}`, retryAfter(headers["retry-after"]));
}

/** Seconds, or a date; that needs two clocks to agree and is left out. */
function retryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** The code alone: a message may hold the URL. */
function reasonOf(error: Error & { code?: string }): string {
  return error.code ?? error.name;
}
