import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AzoraError } from "../../runtime/errors.ts";
import { readSettings } from "../../runtime/settings.ts";

/**
 * Where the services' files are: `<AZORA_DATA_DIR>/db`.
 * @throws AzoraError START_FAILED when a MongoDB is configured
 */
export function storeFolder(): string {
  const { AZORA_DATA_DIR, AZORA_DB_URL } = readSettings();
  const folder = join(AZORA_DATA_DIR, "db");
  if (AZORA_DB_URL === "") return folder;
  throw new AzoraError(
    "START_FAILED",
    "AZORA_DB_URL is set, but the MongoDB back end is not part of this release: unset AZORA_DB_URL, and documents are " +
      `kept in SQLite files in ${folder}`,
    { setting: "AZORA_DB_URL" },
  );
}

/** The file of a service, by its full name: `v2.library` has another than `library`. */
export function storePath(fullName: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(fullName)) {
    throw new Error(`service name "${fullName}" cannot name a file: use letters, digits, dots, _ and -`);
  }
  return join(storeFolder(), `${fullName}.sqlite`);
}

/** Takes a damaged file out of the way, and with it what SQLite keeps beside it. The one set aside before is replaced. */
export function setAside(path: string): string {
  const aside = `${path}.damaged`;
  for (const part of ["", "-wal", "-shm"]) {
    rmSync(`${aside}${part}`, { force: true });
    if (existsSync(`${path}${part}`)) renameSync(`${path}${part}`, `${aside}${part}`);
  }
  return aside;
}
