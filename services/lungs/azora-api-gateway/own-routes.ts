import type { ServerResponse } from "node:http";
import { AzoraError, ERROR_CODES } from "../../../runtime/errors.ts";
import type { Gateway } from "./gateway.ts";
import type { WebRequest } from "./web.ts";

/** Routes of the gateway itself, outside `/api`. */
export const OWN_ROUTES = {
  "GET live": function (this: Gateway, request: WebRequest, response: ServerResponse) {
    this.sendReport(request, response, { status: "healthy", checks: {} });
  },
  "GET ready": function (this: Gateway, request: WebRequest, response: ServerResponse) {
    this.sendReport(request, response, this.ownHealth());
  },
  "GET health": async function (this: Gateway, request: WebRequest, response: ServerResponse) {
    this.sendReport(request, response, await this.checks.whole(this.ownHealth()));
  },
  "GET health/:system": async function (this: Gateway, request: WebRequest, response: ServerResponse) {
    const report = await this.checks.system(String(request.$params.system));
    if (!report) throw new AzoraError("NOT_FOUND", `No system ${request.$params.system} answers for its health here`);
    this.sendReport(request, response, report);
  },
  "GET openapi.json": function (this: Gateway, request: WebRequest, response: ServerResponse) {
    const { json, etag } = this.openApi();
    response.setHeader("Cache-Control", "no-cache");
    response.setHeader("ETag", etag);
    response.setHeader("Content-Type", "application/json; charset=utf-8");
    if (request.headers["if-none-match"] === etag) response.statusCode = 304;
    response.end(response.statusCode === 304 || request.method === "HEAD" ? undefined : json);
  },
  "GET errors": function (this: Gateway, request: WebRequest, response: ServerResponse) {
    const table = Object.entries(ERROR_CODES).map(([code, entry]) => ({ code, ...entry }));
    this.sendResponse(request, response, table);
  },
};
