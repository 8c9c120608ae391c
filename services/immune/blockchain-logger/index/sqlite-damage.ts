/** SQLITE_CORRUPT and SQLITE_NOTADB, and SQLITE_ERROR for tables that are missing: https://sqlite.org/rescode.html */
const DAMAGE = [1, 11, 26];

/** Whether the file itself is wrong, so that making it anew helps. */
export function isDamage(error: unknown): boolean {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === "ERR_SQLITE_ERROR" && typeof errcode === "number" && DAMAGE.includes(errcode & 0xff);
}
