import type { ServiceBroker } from "moleculer";
import type { PlainError } from "./messages.ts";

/** An error, or whatever was thrown, so that it can be copied to another thread. */
export function toPlainError(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(typeof thrown === "string" ? thrown : `threw ${thrown}`);
  const { code, type, data, retryable, nodeID } = error as Error & Partial<PlainError>;
  return {
    name: String(error.name),
    message: String(error.message),
    ...(error.stack ? { stack: String(error.stack) } : {}),
    ...copyable({ code, type, data, retryable, nodeID }),
  };
}

/** As Moleculer restores the error of another node, except that this one is of its own. */
export function fromPlainError(broker: ServiceBroker, plain: PlainError): Error {
  const { errorRegenerator } = broker as unknown as {
    errorRegenerator: { restore(plain: PlainError, payload: object): Error & { nodeID?: string } };
  };
  const error = errorRegenerator.restore(plain, {});
  // A node's name on an error says that it came from afar.
  if (plain.nodeID === undefined) delete error.nodeID;
  return error;
}

/** The fields that are there, without those that structured cloning does not know. */
function copyable(fields: Record<string, unknown>): Partial<PlainError> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    try {
      kept[name] = structuredClone(value);
    } catch {
      kept[name] = printable(value);
    }
  }
  return kept;
}

function printable(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? "null");
  } catch {
    return undefined;
  }
}
