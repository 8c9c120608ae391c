import { Errors } from "moleculer";
import { type FieldError, fieldErrors } from "./field-errors.ts";

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
  REQUEST_INCOMPLETE: { status: 408, title: "The request did not arrive in time" },
  CONFLICT: { status: 409, title: "The state has changed meanwhile" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The request body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The request body is not JSON" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  HEADERS_TOO_LARGE: { status: 431, title: "The request headers are too large" },
  INTERNAL_ERROR: { status: 500, title: "The service failed" },
  START_FAILED: { status: 502, title: "The service did not start" },
  SERVICE_UNAVAILABLE: { status: 503, title: "No instance of the service is up" },
  OVERLOADED: { status: 503, title: "There is more to do than can be done in time" },
  CIRCUIT_OPEN: { status: 503, title: "The service failed several times in a row and is spared for now" },
  HEALING_ACTION_UNKNOWN: { status: 404, title: "No healing action has this name" },
  HEALING_COOLDOWN: { status: 429, title: "The same healing action was carried out on the same target just now" },
  HEALING_REFUSED: { status: 409, title: "The healing action cannot end well here" },
  CHAOS_REFUSED: { status: 409, title: "The experiment may not run now" },
  SERVICE_QUARANTINED: { status: 503, title: "The service is in quarantine" },
  STALE_EPOCH: { status: 409, title: "The command comes from a replaced orchestrator" },
  OUTCOME_UNKNOWN: { status: 502, title: "The call may or may not have been carried out" },
  REQUEST_TIMEOUT: { status: 504, title: "The service did not answer in time" },
  NOT_WITHIN_TIME: { status: 504, title: "The wanted state did not arrive in time" },
  DUPLICATE: { status: 409, title: "A document with this value exists already" },
  VERSION_CONFLICT: { status: 409, title: "The document was changed by someone else" },
  UNSUPPORTED_QUERY: { status: 400, title: "The query uses an operator that is not supported" },
  CHAIN_ENTRY_INVALID: { status: 400, title: "The audit chain cannot take this entry" },
  CHAIN_BUSY: { status: 503, title: "The audit chain has more to write than it may hold" },
  CHAIN_UNAVAILABLE: { status: 503, title: "The audit chain cannot write now" },
  CHAIN_ROLLED_BACK: { status: 503, title: "The audit chain's files are older than what it has signed" },
  CHAIN_UNWITNESSED: { status: 503, title: "No witness has confirmed the audit chain for too long" },
  CHAIN_CORRUPT: { status: 500, title: "The audit chain's files were altered or damaged" },
  CHAIN_OUTBOX_FULL: { status: 503, title: "This node holds as many undelivered audit events as it may" },
  POOL_EXHAUSTED: { status: 503, title: "All of a bounded resource is in use, and too many wait for it" },
  WORKER_LOST: { status: 500, title: "The worker thread ended while it carried out the call" },
  WORKER_UNSUPPORTED: { status: 500, title: "This does not work in a worker thread" },
  PROFILE_REFUSED: { status: 409, title: "The node cannot be profiled now" },
  ADVICE_REFUSED: { status: 409, title: "The advice would cost more than is allowed, or cannot be carried out" },
  OPTIMIZATION_REFUSED: {
    status: 409,
    title: "Nothing may be tried on this service now, or there is nothing to take back",
  },
  STORE_UNAVAILABLE: { status: 503, title: "The store cannot be read or written" },
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
  /** `/errors#<code>` for the codes of the table; `about:blank` for a service's own. */
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  /** One entry for each wrong field, where there are any. */
  errors?: unknown[];
}

/** Types of Moleculer and moleculer-web, as the code that a client sees. */
const FROM_MOLECULER: Record<string, ErrorCode> = {
  SERVICE_NOT_FOUND: "SERVICE_UNAVAILABLE",
  SERVICE_NOT_AVAILABLE: "SERVICE_UNAVAILABLE",
  REQUEST_REJECTED: "SERVICE_UNAVAILABLE",
  BAD_GATEWAY: "SERVICE_UNAVAILABLE",
  REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
  REQUEST_SKIPPED: "REQUEST_TIMEOUT",
  QUEUE_FULL: "RATE_LIMITED",
  UNABLE_DECODE_PARAM: "BAD_REQUEST",
};

/** Errors that say nothing but an HTTP status. */
const FROM_STATUS: Record<number, ErrorCode> = { 503: "SERVICE_UNAVAILABLE", 504: "REQUEST_TIMEOUT" };

interface ErrorLike {
  message?: string;
  code?: unknown;
  type?: unknown;
  data?: unknown;
}

/**
 * The problem document of any error. A client's mistake is told with its message; an unforeseen error tells nothing but
 * the request id.
 */
export function toProblem(error: unknown, requestId: string): Problem {
  const { message, code: status, type, data } = (error ?? {}) as ErrorLike;
  const known = codeOf(type) ?? (type == null ? FROM_STATUS[Number(status)] : undefined);
  if (known) return named({ ...problem(known, message, requestId), ...wrongFields(data) });
  if (typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 500) {
    const title = message || "The request was refused";
    const code = typeof type === "string" ? type : "BAD_REQUEST";
    return { type: "about:blank", title, status, detail: title, code, requestId, ...wrongFields(data) };
  }
  return problem("INTERNAL_ERROR", `An unforeseen error; the log has it under request ${requestId}`, requestId);
}

function codeOf(type: unknown): ErrorCode | undefined {
  if (typeof type !== "string") return undefined;
  if (Object.hasOwn(ERROR_CODES, type)) return type as ErrorCode;
  return Object.hasOwn(FROM_MOLECULER, type) ? FROM_MOLECULER[type] : undefined;
}

function problem(code: ErrorCode, detail: string | undefined, requestId: string): Problem {
  const { status, title } = ERROR_CODES[code];
  return { type: `/errors#${code}`, title, status, detail: detail || title, code, requestId };
}

function wrongFields(data: unknown): { errors?: unknown[] } {
  const report = Array.isArray(data) ? data : (data as { errors?: unknown } | null | undefined)?.errors;
  return Array.isArray(report) && report.length > 0 ? { errors: fieldErrors(report) } : {};
}

/** Moleculer's validator says only that something is wrong; a client's first line should say what. */
function named(problem: Problem): Problem {
  const fields = (problem.errors as Partial<FieldError>[] | undefined)?.map(({ field }) => field).filter(Boolean) ?? [];
  if (problem.detail !== "Parameters validation error!" || fields.length === 0) return problem;
  return { ...problem, detail: `Wrong parameter${fields.length > 1 ? "s" : ""}: ${fields.join(", ")}` };
}
