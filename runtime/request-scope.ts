import { AsyncLocalStorage } from "node:async_hooks";

/** The id of the request that the current code works for; log lines carry it without being told. */
const scope = new AsyncLocalStorage<string>();

export function currentRequestId(): string | undefined {
  return scope.getStore();
}

export function withRequestId<Args extends unknown[], T>(
  requestId: string,
  run: (...args: Args) => T,
  ...args: Args
): T {
  return scope.run(requestId, run, ...args);
}
