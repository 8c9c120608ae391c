/**
 * Counts a configuration value up, as another process beside the service would: `node writer.ts <file> <times>`. Prints
 * each number after it was acknowledged.
 */
import { writeSync } from "node:fs";
import { ChangeLog } from "../../../services/heart/azora-core/change-log.ts";
import { ConfigStore } from "../../../services/heart/azora-core/config-store.ts";
import { Database } from "../../../services/heart/azora-core/database.ts";

const [, , file, times] = process.argv;
const database = new Database(file!);
const store = new ConfigStore(database, new ChangeLog(database));
for (let done = 0; done < Number(times); ) {
  const { value, version } = store.get("counter");
  try {
    store.set("counter", (value as number) + 1, {}, version, new Date().toISOString());
    done++;
    writeSync(1, `${(value as number) + 1}\n`);
  } catch (error) {
    if ((error as { type?: string }).type !== "VERSION_CONFLICT") throw error;
  }
}
