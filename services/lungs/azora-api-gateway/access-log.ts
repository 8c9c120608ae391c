import type { IncomingMessage, ServerResponse } from "node:http";

/** One line of the access log. */
export interface AccessEntry {
  method: string;
  /** Without the query, which may hold secrets. */
  path: string;
  status: number;
  /** From the request's head to the response's last byte. */
  ms: number;
  requestId: string;
  /** The client went away before it had its answer. */
  aborted?: true;
}

const LONGEST_PATH = 1024;

/** Calls back once, when the response is through or its connection gone. */
export function onAnswered(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  write: (entry: AccessEntry) => void,
): void {
  const start = performance.now();
  const path = pathOf(request);
  response.once("close", () => {
    const ms = Math.round((performance.now() - start) * 100) / 100;
    const entry: AccessEntry = { method: request.method ?? "", path, status: response.statusCode, ms, requestId };
    write(response.writableFinished ? entry : { ...entry, aborted: true });
  });
}

/** The path that was asked for, without its query; moleculer-web cuts the mount off `url`. */
export function pathOf(request: IncomingMessage & { originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? "").split("?", 1)[0]!.slice(0, LONGEST_PATH);
}
