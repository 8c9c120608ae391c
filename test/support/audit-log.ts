import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogKeys } from "../../services/immune/blockchain-logger/keys/log-keys.ts";
import { AuditLog, type AuditLogOptions } from "../../services/immune/blockchain-logger/log/audit-log.ts";
import { systemDisk } from "../../services/immune/blockchain-logger/log/disk.ts";
import { FakeClock } from "./fake-clock.ts";

const START = Date.parse("2026-01-01T00:00:00Z");

/** A folder with an audit log of its own, and a clock that stands still. */
export class LogBench {
  readonly folder = mkdtempSync(join(tmpdir(), "azora-log-"));
  readonly clock = new FakeClock(START);

  makeKeys(): LogKeys {
    return LogKeys.open(join(this.folder, "keys"), "azora.local/test", ["ed25519"], "");
  }

  /** Opens the log as a new process would. */
  open(options: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
    return AuditLog.open({
      folder: join(this.folder, "chain"),
      keys: this.makeKeys(),
      signedFile: join(this.folder, "keys", "signed.json"),
      validator: "immune-1",
      disk: systemDisk,
      clock: this.clock,
      ...options,
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
