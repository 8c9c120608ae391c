import { createTransport } from "nodemailer";
import type { AlertMessage } from "../../../../../models/alerts.ts";
import { subjectLine, textOf } from "../alert-message.ts";
import { type Channel, ChannelError } from "../channel.ts";

export interface MailOptions {
  /** `smtp://user:password@host:587` (with STARTTLS where the server has it) or `smtps://…:465`. */
  url: string;
  from: string;
  to: readonly string[];
  /** Told of addresses that the server refuses while it takes others. */
  refused(addresses: string): void;
  /** Longest silence of the server, ms. @default 10000 */
  silence?: number;
  /** Time for a whole message, ms. @default 30000 */
  timeout?: number;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/;

/** Sends messages by SMTP, each over a connection of its own. */
export class MailChannel implements Channel {
  readonly name = "mail";
  readonly #options: MailOptions;
  readonly #server: { host: string; port: number; secure: boolean; user: string; password: string };
  readonly #secrets: string[];

  constructor(options: MailOptions) {
    this.#options = options;
    const { protocol, hostname, port, username, password } = new URL(options.url);
    const secure = protocol === "smtps:";
    this.#server = {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(port) || (secure ? 465 : 587),
      secure,
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
    };
    this.#secrets = secretsOf(this.#server.user, this.#server.password);
  }

  async send(message: AlertMessage, signal: AbortSignal): Promise<void> {
    const { host, port, secure, user, password } = this.#server;
    const { from, to, refused, silence = 10_000, timeout = 30_000 } = this.#options;
    const transport = createTransport({
      host,
      port,
      secure,
      ...(user ? { auth: { user, pass: password } } : {}),
      // A password goes over no wire that others can read.
      requireTLS: user !== "" && !secure && !LOOPBACK.test(host),
      connectionTimeout: silence,
      greetingTimeout: silence,
      socketTimeout: silence,
      dnsTimeout: silence,
      disableFileAccess: true,
      disableUrlAccess: true,
      logger: false,
    });
    const sent = transport.sendMail({
      from,
      to: [...to],
      subject: subjectLine(message),
      text: textOf(message),
      messageId: `<${message.id}@azora>`,
      headers: {
        "Auto-Submitted": "auto-generated",
        "X-Azora-Group": message.group,
        "X-Azora-Severity": message.severity,
      },
    });
    // Whoever does not wait for it any more must not be hit by its end.
    sent.catch(() => {});
    try {
      const { rejected } = await within(sent, timeout, signal);
      if (rejected.length > 0) refused(this.#told(rejected.map(String).join(", ")));
    } catch (error) {
      throw new ChannelError(this.#told(reasonOf(error as SmtpError)));
    } finally {
      transport.close();
    }
  }

  /** A server may repeat what it was told, the password among it. */
  #told(text: string): string {
    let told = text;
    for (const secret of this.#secrets) told = told.replaceAll(secret, "…");
    return told.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 300);
  }
}

interface SmtpError extends Error {
  code?: string;
  command?: string;
  responseCode?: number;
}

/** `EAUTH after AUTH PLAIN: 535` and what the server said. */
function reasonOf({ code, command, responseCode, message }: SmtpError): string {
  const where = command ? ` after ${command}` : "";
  return `${code ?? "error"}${where}: ${responseCode ? `${responseCode}, ` : ""}${message}`;
}

/** The password and the forms in which SMTP sends it, the longest first. */
function secretsOf(user: string, password: string): string[] {
  if (password === "") return [];
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const all = [password, encodeURIComponent(password), base64(password), base64(`\0${user}\0${password}`)];
  return [...new Set(all)].sort((one, other) => other.length - one.length);
}

function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
    const end = () => reject(new Error(signal.aborted ? "the engine stops" : `it took longer than ${ms} ms`));
    if (ended.aborted) end();
    ended.addEventListener("abort", end, { once: true });
    promise.then(resolve, reject).finally(() => ended.removeEventListener("abort", end));
  });
}
