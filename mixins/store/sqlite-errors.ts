import { dirname } from "node:path";
import { AzoraError } from "../../runtime/errors.ts";

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT = 19;

type Reason = "busy" | "read-only" | "io" | "corrupt" | "full" | "cannot-open" | "closed";

const REASONS: Record<number, { reason: Reason; what: string; remedy: string }> = {
  5: {
    reason: "busy",
    what: "is being written by another process for longer than a write waits",
    remedy: "Try again; if it stays so, look for a process that holds a transaction open",
  },
  8: {
    reason: "read-only",
    what: "cannot be written",
    remedy: "Give this user write access to the file and its folder",
  },
  10: { reason: "io", what: "cannot be read or written", remedy: "Look at the disk: the system log names the fault" },
  11: {
    reason: "corrupt",
    what: "is damaged",
    remedy: "Stop the service, put the newest good copy from data/backups in its place, and keep the damaged file",
  },
  13: {
    reason: "full",
    what: "cannot grow: the disk is full",
    remedy: "Free space, or move AZORA_DATA_DIR to a larger disk",
  },
  14: {
    reason: "cannot-open",
    what: "cannot be opened",
    remedy: "Check that AZORA_DATA_DIR is a folder this user may write",
  },
  26: {
    reason: "corrupt",
    what: "is not an SQLite file",
    remedy: "Move it away, and put the newest good copy from data/backups in its place",
  },
};
REASONS[LOCKED] = REASONS[BUSY]!;

const resultCode = (error: unknown): number => {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" ? code & 0xff : 0;
};

export const isBusy = (error: unknown): boolean => [BUSY, LOCKED].includes(resultCode(error));

/** The index that a write ran into, from "UNIQUE constraint failed: index 'users_email'" or "…: users._id". */
export function violatedIndex(error: unknown): string | undefined {
  if (resultCode(error) !== CONSTRAINT) return undefined;
  const message = (error as Error).message;
  return /UNIQUE constraint failed: (?:index '([^']+)'|\S+\.(\S+))/.exec(message)?.slice(1).find(Boolean);
}

/** A failure of SQLite as what it means, where, and what to do; any other error as it is. */
export function storeError(error: unknown, file: string): unknown {
  const known = REASONS[resultCode(error)];
  if (!known) return error;
  const { reason, what, remedy } = known;
  return unavailable(file, reason, what, remedy, error);
}

export function unavailable(file: string, reason: string, what: string, remedy: string, cause?: unknown): AzoraError {
  const error = new AzoraError("STORE_UNAVAILABLE", `${file} ${what}. ${remedy}.`, {
    file,
    folder: dirname(file),
    reason,
    remedy,
  });
  error.cause = cause;
  return error;
}

/** Whether the file itself is what is wrong. */
export function isDamaged(error: unknown): boolean {
  const { type, data } = error as { type?: string; data?: { reason?: string } };
  return type === "STORE_UNAVAILABLE" && data?.reason === "corrupt";
}
