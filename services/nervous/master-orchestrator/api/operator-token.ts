import type { IncomingMessage } from "node:http";
import { bearerOf, equal } from "../../../../runtime/operator-token.ts";

export const TOKEN_COOKIE = "azora_operator";

/** True if the request carries the token: as a bearer, or in the page's cookie. */
export function carriesToken(request: IncomingMessage, token: string): boolean {
  const cookie = (request.headers.cookie ?? "")
    .split(";")
    .map((part) => part.trim().split("="))
    .find(([name]) => name === TOKEN_COOKIE)?.[1];
  return [bearerOf(request), cookie].some((given) => given !== undefined && equal(given, token));
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
