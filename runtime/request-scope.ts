import { AsyncLocalStorage } from "node:async_hooks";

/** The id of the request that the current code works for; log lines carry it without being told. */
const scope = new AsyncLocalStorage<string>();

export function currentRequestId(): string | undefined {
  return scope.getStore();
}

export function withRequestId<T>(requestId: string, run: () => T): T {
  return scope.run(requestId, run);
}
