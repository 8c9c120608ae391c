import type { Clock } from "../clock.ts";
import { encodeSpans, type Resource } from "./otlp-json.ts";
import type { TraceSpan } from "./trace-span.ts";

export interface OtlpExporterOptions {
  /** Where spans are posted, as http://127.0.0.1:4318/v1/traces. */
  url: string;
  /** @default {} */
  headers?: Record<string, string>;
  resource: Resource;
  clock: Clock;
  /** Spans that wait at most; further ones are dropped and counted. @default 4096 */
  maxWaiting?: number;
  /** Spans of one request at most. @default 512 */
  maxBatch?: number;
  /** Longest time that a span waits while the collector is well, ms. @default 2000 */
  interval?: number;
  /** Longest time that the collector may take to answer, ms. @default 10000 */
  timeout?: number;
  /** Told once when spans begin to be lost, and once when they arrive again. */
  onTrouble?(what: string): void;
  /** @default the global fetch */
  post?: typeof fetch;
}

export interface ExportStats {
  exported: number;
  dropped: number;
  waiting: number;
  /** Why the last request failed; empty where it did not. */
  trouble: string;
}

/** Answers after which the same may be sent again: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const RETRYABLE = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** Sends spans in batches, behind the work. A collector that is slow or away costs spans, never calls or memory. */
export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  readonly #maxWaiting: number;
  readonly #maxBatch: number;
  readonly #waiting: TraceSpan[] = [];
  #cancel: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #ended = new AbortController();
  #pause = 0;
  #dropping = false;
  #exported = 0;
  #dropped = 0;
  #trouble = "";

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 4096;
    this.#maxBatch = options.maxBatch ?? 512;
  }

  add(span: TraceSpan): void {
    if (this.#waiting.length >= this.#maxWaiting || this.#ended.signal.aborted) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(span);
    if (this.#pause === 0 && this.#waiting.length >= this.#maxBatch) this.#send();
    else this.#later(this.#options.interval ?? 2000);
  }

  stats(): ExportStats {
    return {
      exported: this.#exported,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
      trouble: this.#trouble,
    };
  }

  /** Sends what is left, for `ms` at most; what then still waits is dropped. */
  async stop(ms = 2000): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    const cancel = this.#options.clock.after(ms, () => this.#ended.abort());
    await this.#sending;
    while (this.#waiting.length > 0 && !this.#ended.signal.aborted) {
      const before = this.#waiting.length;
      await this.#post();
      if (this.#waiting.length === before) break;
    }
    cancel();
    this.#ended.abort();
    this.#drop(this.#waiting.splice(0).length);
  }

  #later(ms: number): void {
    if (this.#sending || this.#cancel || this.#ended.signal.aborted) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#cancel = undefined;
      this.#send();
    });
  }

  #send(): void {
    if (this.#sending) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#sending = this.#post().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length === 0) return;
      if (this.#pause > 0) this.#later(this.#pause);
      else if (this.#waiting.length >= this.#maxBatch) this.#send();
      else this.#later(this.#options.interval ?? 2000);
    });
  }

  /** One batch. What may be sent again stays at the front. */
  async #post(): Promise<void> {
    const { url, headers = {}, resource, timeout = 10_000, post = fetch } = this.#options;
    const batch = this.#waiting.slice(0, this.#maxBatch);
    try {
      const response = await post(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: encodeSpans(batch, resource),
        redirect: "error",
        signal: AbortSignal.any([this.#ended.signal, AbortSignal.timeout(timeout)]),
      });
      const text = (await response.text()).slice(0, 65_536);
      if (response.ok) {
        this.#waiting.splice(0, batch.length);
        const rejected = Math.min(batch.length, rejectedOf(text));
        this.#exported += batch.length - rejected;
        this.#pause = 0;
        this.#trouble = rejected > 0 ? `it refused ${rejected} of ${batch.length} spans` : "";
        this.#drop(rejected);
        if (rejected === 0) this.#well();
      } else if (RETRYABLE.has(response.status)) {
        this.#failed(`it answered ${response.status}`, Number(response.headers.get("retry-after")) * 1000);
      } else {
        // It will refuse the same again.
        this.#waiting.splice(0, batch.length);
        this.#failed(`it answered ${response.status}: ${text.slice(0, 200)}`);
        this.#drop(batch.length);
      }
    } catch (error) {
      this.#failed(reasonOf(error, timeout));
    }
  }

  #well(): void {
    if (this.#dropping) this.#options.onTrouble?.(`traces arrive at ${this.#options.url} again`);
    this.#dropping = false;
  }

  #failed(why: string, retryAfter = 0): void {
    const doubled = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pause * 2));
    this.#pause = retryAfter > 0 ? Math.min(LONGEST_PAUSE_MS, retryAfter) : doubled;
    this.#trouble = why;
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#dropped += count;
    if (this.#dropping) return;
    this.#dropping = true;
    const why = this.#trouble || "more spans end than it takes";
    this.#options.onTrouble?.(`traces are lost on the way to ${this.#options.url}: ${why}`);
  }
}

/** `{"partialSuccess": {"rejectedSpans": "3"}}` */
function rejectedOf(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number } };
    return Number(partialSuccess?.rejectedSpans) || 0;
  } catch {
    return 0;
  }
}

function reasonOf(error: unknown, timeout: number): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === "TimeoutError") return `it does not answer within ${timeout} ms`;
  return cause?.code ?? cause?.message ?? message;
}
