import type { IncomingMessage, ServerResponse } from "node:http";
import { ERROR_CODES, type Problem } from "../../../runtime/errors.ts";
import { hasBody } from "./json-body.ts";

/** How long the rest of a refused body is read and thrown away, ms. */
const LINGER = 1_000;

/** Answers with a problem document. */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  error?: unknown,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  response.statusCode = problem.status;
  response.setHeader("Content-Type", "application/problem+json");
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.setHeader("Cache-Control", "no-store");
  const retryAfter = (error as { data?: { retryAfter?: unknown } } | null | undefined)?.data?.retryAfter;
  if (typeof retryAfter === "number" && retryAfter > 0) response.setHeader("Retry-After", Math.ceil(retryAfter));
  else if (problem.status === ERROR_CODES.SERVICE_UNAVAILABLE.status) response.setHeader("Retry-After", 1);
  endAfterBody(request, response, body);
}

/**
 * A connection that is closed while the client still sends is reset, and the client may lose the answer. So the answer
 * goes out whole, what still comes is thrown away for a moment, and only then is the connection closed.
 */
function endAfterBody(request: IncomingMessage, response: ServerResponse, body: string): void {
  if (request.complete || !hasBody(request)) {
    response.end(body);
    return;
  }
  response.setHeader("Connection", "close");
  if (request.method === "HEAD") response.flushHeaders();
  else response.write(body);
  const timer = setTimeout(() => response.end(), LINGER);
  request.once("end", () => response.end());
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => {});
  request.resume();
}
