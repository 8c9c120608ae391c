import type { IncomingMessage } from "node:http";
import { AzoraError } from "./errors.ts";

/** Deeper JSON than this is refused: validators and stores that walk it recursively must not run out of stack. */
const MAX_DEPTH = 64;
/** Integers from here on become another number on the bus (Notepack writes 64 bits of them). */
export const BEYOND = 2 ** 63;

/**
 * The whole body as a text. One that is too large is refused and read on, so that the refusal reaches whoever sends it.
 * @throws AzoraError PAYLOAD_TOO_LARGE, BAD_REQUEST
 */
export async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  return decode(await collect(request, maxBytes));
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new AzoraError("PAYLOAD_TOO_LARGE", `The body may have at most ${maxBytes} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) return void chunks.push(chunk);
      request.off("data", onData);
      request.resume();
      reject(tooLarge());
    };
    request.on("data", onData);
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new AzoraError("BAD_REQUEST", "The connection closed before the body's end")));
  });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new AzoraError("BAD_REQUEST", "The body is not UTF-8");
  }
}

/** A JSON object that may safely be copied and passed on. @throws AzoraError BAD_REQUEST naming what is wrong */
export function parseJsonObject(text: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new AzoraError("BAD_REQUEST", `The body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AzoraError("BAD_REQUEST", "The body must be a JSON object");
  }
  mustBeCarriable(body);
  return body as Record<string, unknown>;
}

/** Whether a body like this would be taken. @throws AzoraError BAD_REQUEST naming what is wrong */
export function mustBeCarriable(body: object): void {
  refusePoison(body, "", 1);
}

/**
 * `__proto__` becomes a prototype as soon as somebody copies the object: https://cwe.mitre.org/data/definitions/1321.html
 * Half of a surrogate pair is no character: on the bus it would become another one without a word.
 */
function refusePoison(value: object, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new AzoraError("BAD_REQUEST", `The body is nested deeper than ${MAX_DEPTH} levels`);
  for (const [key, inner] of Object.entries(value)) {
    if (key === "__proto__" || (key === "constructor" && Object.hasOwn(Object(inner), "prototype"))) {
      throw new AzoraError("BAD_REQUEST", `The body must not contain the key ${key}`);
    }
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    if (!key.isWellFormed() || (typeof inner === "string" && !inner.isWellFormed())) {
      throw new AzoraError("BAD_REQUEST", `${at.toWellFormed()} holds half of a surrogate pair, which is no character`);
    }
    if (typeof inner === "number" && Math.abs(inner) >= BEYOND) {
      throw new AzoraError("BAD_REQUEST", `${at} is ${inner}, but numbers must lie between -2^63 and 2^63`);
    }
    if (typeof inner === "object" && inner !== null) refusePoison(inner, at, depth + 1);
  }
}
