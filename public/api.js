const TIMEOUT_MS = 10_000;
/** A restart is answered when its end has been seen. */
const COMMAND_TIMEOUT_MS = 65_000;

/** A refused request, in words for the reader. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return answerOf(response);
}

/** @param {string} path @returns {Promise<any>} */
export async function post(path) {
  const response = await fetch(path, { method: "POST", signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
  return answerOf(response);
}

async function answerOf(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  if (response.status === 401)
    throw new ApiError(
      "This page may only look. To let it act, open the address with the token that “azora up” printed.",
      401,
    );
  throw new ApiError(body.detail ?? body.title ?? `The orchestrator answered ${response.status}.`, response.status);
}
