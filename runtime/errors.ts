import { Errors } from "moleculer";

/**
 * Every error code of Azora, with its HTTP status and title. `docs/errors.md` explains each one; a test holds the two
 * equal.
 */
export const ERROR_CODES = {
  VALIDATION_ERROR: { status: 422, title: "A parameter is wrong" },
  BAD_REQUEST: { status: 400, title: "The request cannot be read" },
  UNAUTHORIZED: { status: 401, title: "The operator's token is missing or wrong" },
  FOREIGN_ORIGIN: { status: 403, title: "The request comes from a foreign page" },
  NOT_FOUND: { status: 404, title: "There is no such thing" },
  SERVICE_UNKNOWN: { status: 404, title: "No service has this name" },
  ORGAN_UNKNOWN: { status: 404, title: "No organ has this name" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The route does not know this method" },
  CONFLICT: { status: 409, title: "The state has changed meanwhile" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The request body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The request body is not JSON" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  INTERNAL_ERROR: { status: 500, title: "The service failed" },
  START_FAILED: { status: 502, title: "The service did not start" },
  SERVICE_UNAVAILABLE: { status: 503, title: "No instance of the service is up" },
  SERVICE_QUARANTINED: { status: 503, title: "The service is in quarantine" },
  STALE_EPOCH: { status: 409, title: "The command comes from a replaced orchestrator" },
  OUTCOME_UNKNOWN: { status: 502, title: "The call may or may not have been carried out" },
  REQUEST_TIMEOUT: { status: 504, title: "The service did not answer in time" },
  NOT_WITHIN_TIME: { status: 504, title: "The wanted state did not arrive in time" },
  DUPLICATE: { status: 409, title: "A document with this value exists already" },
  VERSION_CONFLICT: { status: 409, title: "The document was changed by someone else" },
  UNSUPPORTED_QUERY: { status: 400, title: "The query uses an operator that is not supported" },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * An error that may cross nodes and reach a client: `type` is the code of the table above, `code` its HTTP status.
 * `data` names the field, the value and what is allowed, where that applies.
 */
export class AzoraError extends Errors.MoleculerError {
  constructor(code: ErrorCode, detail: string, data?: Record<string, unknown>) {
    super(detail, ERROR_CODES[code].status, code, data);
    this.name = "AzoraError";
  }
}

/** RFC 9457 problem document. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  /** One entry for each wrong field, where there are any. */
  errors?: unknown[];
}

/** Moleculer's own error types, as the code that a client sees. */
const FROM_MOLECULER: Record<string, ErrorCode> = {
  SERVICE_NOT_FOUND: "SERVICE_UNAVAILABLE",
  SERVICE_NOT_AVAILABLE: "SERVICE_UNAVAILABLE",
  REQUEST_REJECTED: "SERVICE_UNAVAILABLE",
  BAD_GATEWAY: "SERVICE_UNAVAILABLE",
  REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
  REQUEST_SKIPPED: "REQUEST_TIMEOUT",
  QUEUE_FULL: "RATE_LIMITED",
  VALIDATION_ERROR: "VALIDATION_ERROR",
};

interface ErrorLike {
  message?: string;
  code?: unknown;
  type?: unknown;
  data?: unknown;
}

/** The problem document of any error. An unforeseen one tells the client nothing but the request id. */
export function toProblem(error: unknown, requestId: string): Problem {
  const { message, code, type, data } = (error ?? {}) as ErrorLike;
  const known =
    typeof type === "string" ? (type in ERROR_CODES ? (type as ErrorCode) : FROM_MOLECULER[type]) : undefined;
  if (known) {
    const { status, title } = ERROR_CODES[known];
    const problem = { type: `/errors#${known}`, title, status, detail: message ?? title, code: known, requestId };
    const errors = Array.isArray(data) ? data : (data as { errors?: unknown[] } | undefined)?.errors;
    return errors ? { ...problem, errors } : problem;
  }
  if (typeof code === "number" && code >= 400 && code < 500) {
    const own = typeof type === "string" ? type : "BAD_REQUEST";
    return {
      type: `/errors#${own}`,
      title: message ?? own,
      status: code,
      detail: message ?? own,
      code: own,
      requestId,
    };
  }
  const { status, title } = ERROR_CODES.INTERNAL_ERROR;
  const detail = `An unforeseen error; the log has it under request ${requestId}`;
  return { type: "/errors#INTERNAL_ERROR", title, status, detail, code: "INTERNAL_ERROR", requestId };
}
