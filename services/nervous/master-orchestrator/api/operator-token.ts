import { randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { replaceFile } from "../../../../runtime/durable-file.ts";

/** What is shorter was cut off or emptied, and could be guessed. */
const SHORTEST = 16;

export const TOKEN_COOKIE = "azora_operator";

/** The operator's token, in `data/operator.token` (mode 0600); made at the first start. */
export function operatorToken(dataDir: string): string {
  const path = join(dataDir, "operator.token");
  const known = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  if (known.length >= SHORTEST) return known;
  const token = randomBytes(24).toString("base64url");
  replaceFile(path, `${token}\n`, 0o600);
  return token;
}

/** True if the request carries the token: as a bearer, or in the page's cookie. */
export function carriesToken(request: IncomingMessage, token: string): boolean {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const cookie = (request.headers.cookie ?? "")
    .split(";")
    .map((part) => part.trim().split("="))
    .find(([name]) => name === TOKEN_COOKIE)?.[1];
  return [bearer, cookie].some((given) => given !== undefined && equal(given, token));
}

export function equal(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"];

/** Why a browser's request is refused: a page from elsewhere, or a name that was rebound to this machine. */
export function foreignPage(request: IncomingMessage, port: number): string | undefined {
  const allowed = LOCAL_HOSTS.map((host) => `${host}:${port}`);
  const { host, origin } = request.headers;
  if (!host || !(allowed.includes(host) || (port === 80 && LOCAL_HOSTS.includes(host))))
    return `Host is ${host ?? "missing"}, but must be ${allowed[0]}`;
  if (origin !== undefined && !allowed.some((one) => origin === `http://${one}`))
    return `Origin is ${origin}, but must be http://${allowed[0]}`;
  return undefined;
}
