import type { IncomingMessage } from "node:http";
import { AzoraError } from "../../../runtime/errors.ts";
import { parseJsonObject, readText } from "../../../runtime/json-body.ts";

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
  const text = await readText(request, maxBytes);
  return text.trim() === "" ? undefined : parseJsonObject(text);
}

/** True when the request carries a body; `Content-Length: 0` is none. */
export function hasBody(request: IncomingMessage): boolean {
  const { "transfer-encoding": transfer, "content-length": length } = request.headers;
  return transfer !== undefined || (length !== undefined && Number(length) > 0);
}
