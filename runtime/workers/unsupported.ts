import { AzoraError } from "../errors.ts";

/** Something that only the service's own thread has. */
export function unsupported(detail: string, data?: Record<string, unknown>): AzoraError {
  return new AzoraError("WORKER_UNSUPPORTED", detail, data);
}

/** @param what as "the params of grader.grade" */
export function notCopyable(what: string, error: unknown): AzoraError {
  return unsupported(`${what} cannot be copied to another thread: ${(error as Error).message}`);
}
