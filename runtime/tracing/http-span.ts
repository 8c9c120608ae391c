import type { IncomingMessage, ServerResponse } from "node:http";
import { SPAN_KIND, type TraceSpan } from "./trace-span.ts";

/** What moleculer-web's action `rest` gets, and leaves on the request. */
export interface HttpExchange {
  req: IncomingMessage & { originalUrl?: string; $alias?: { fullPath?: string } };
  res: ServerResponse;
}

/** The exchange of a gateway's request; nothing where the parameters are others. */
export function exchangeOf(params: unknown): HttpExchange | undefined {
  const { req, res } = (params ?? {}) as Partial<HttpExchange>;
  return req?.headers && typeof res?.once === "function" ? { req, res } : undefined;
}

export const HTTP_KIND = SPAN_KIND.server;

/** Its query may hold secrets, so it stays out. */
export function beginHttp(span: TraceSpan, { req }: HttpExchange): void {
  span.name = req.method ?? "HTTP";
  span.addTags({
    "http.request.method": req.method,
    "url.path": (req.originalUrl ?? req.url ?? "").split("?", 1)[0],
    "url.scheme": "encrypted" in req.socket ? "https" : "http",
    "network.protocol.version": req.httpVersion,
    "user_agent.original": req.headers["user-agent"],
  });
}

/** Ends when the response is through, or its connection gone: what is answered to an error is known only then. */
export function endHttp(span: TraceSpan, { req, res }: HttpExchange, error: unknown): void {
  const end = () => {
    const route = req.$alias?.fullPath;
    if (route) {
      span.name = `${req.method} ${route}`;
      span.addTags({ "http.route": route });
    }
    span.addTags({ "http.response.status_code": res.statusCode });
    if (res.statusCode >= 500) span.setError(error ?? { type: String(res.statusCode), message: "" });
    span.finish();
  };
  if (res.closed || res.writableFinished) end();
  else res.once("close", end);
}
