import { randomUUID } from "node:crypto";

const ACCEPTED = /^[\w.:-]{1,128}$/;

/** The caller's request id where it is harmless in headers and logs, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && ACCEPTED.test(header) ? header : randomUUID();
}
