import type { AlertMessage } from "../../../../models/alerts.ts";

/** Where alerts are sent to. */
export interface Channel {
  name: string;
  /** Resolves when the receiver has taken it. Its errors say nothing secret. */
  send(message: AlertMessage, signal: AbortSignal): Promise<void>;
}

/** The receiver asks for patience. */
export class ChannelError extends Error {
  /** ms */
  readonly retryAfter: number | undefined;

  constructor(message: string, retryAfter?: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}
