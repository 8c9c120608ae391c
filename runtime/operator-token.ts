import { randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { replaceFile } from "./durable-file.ts";

/** What is shorter was cut off or emptied, and could be guessed. */
const SHORTEST = 16;

/** The operator's token, in `data/operator.token` (mode 0600); made at the first start. */
export function operatorToken(dataDir: string): string {
  const known = knownToken(dataDir);
  if (known !== undefined) return known;
  const token = randomBytes(24).toString("base64url");
  replaceFile(pathOf(dataDir), `${token}\n`, 0o600);
  return token;
}

/** The token that was made before; undefined where there is none, as on a machine without the orchestrator. */
export function knownToken(dataDir: string): string | undefined {
  const path = pathOf(dataDir);
  const known = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  return known.length >= SHORTEST ? known : undefined;
}

/** `Authorization: Bearer <token>` */
export function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

export function equal(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function pathOf(dataDir: string): string {
  return join(dataDir, "operator.token");
}
