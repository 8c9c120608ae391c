import type { IncomingMessage } from "node:http";
import { AzoraError } from "../../../runtime/errors.ts";

/** Deeper JSON than this is refused: validators and stores that walk it recursively must not run out of stack. */
const MAX_DEPTH = 64;

/**
 * The parsed JSON body; `undefined` where there is none.
 * @throws AzoraError PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE or BAD_REQUEST
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (!hasBody(request)) return undefined;
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new AzoraError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Send application/json, not ${type || "a body without Content-Type"}`,
    );
  }
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw new AzoraError("UNSUPPORTED_MEDIA_TYPE", `Send the body as it is, not encoded with ${encoding}`);
  }
  const text = decode(await collect(request, maxBytes));
  return text.trim() === "" ? undefined : parse(text);
}

/** True when the request carries a body; `Content-Length: 0` is none. */
export function hasBody(request: IncomingMessage): boolean {
  const { "transfer-encoding": transfer, "content-length": length } = request.headers;
  return transfer !== undefined || (length !== undefined && Number(length) > 0);
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

function parse(text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new AzoraError("BAD_REQUEST", `The body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AzoraError("BAD_REQUEST", "The body must be a JSON object");
  }
  refusePoison(body, 1);
  return body;
}

/** `__proto__` becomes a prototype as soon as somebody copies the object: https://cwe.mitre.org/data/definitions/1321.html */
function refusePoison(value: object, depth: number): void {
  if (depth > MAX_DEPTH) throw new AzoraError("BAD_REQUEST", `The body is nested deeper than ${MAX_DEPTH} levels`);
  for (const [key, inner] of Object.entries(value)) {
    if (key === "__proto__" || (key === "constructor" && Object.hasOwn(Object(inner), "prototype"))) {
      throw new AzoraError("BAD_REQUEST", `The body must not contain the key ${key}`);
    }
    if (typeof inner === "object" && inner !== null) refusePoison(inner, depth + 1);
  }
}
