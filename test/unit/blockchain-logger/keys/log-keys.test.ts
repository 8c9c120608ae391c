import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { KeyChanges } from "../../../../services/immune/blockchain-logger/keys/key-changes.ts";
import { LogKeys } from "../../../../services/immune/blockchain-logger/keys/log-keys.ts";
import type { AuditLog } from "../../../../services/immune/blockchain-logger/log/audit-log.ts";
import { type Algorithm, generateKey } from "../../../../tlog/keys.ts";
import { parseNote } from "../../../../tlog/note.ts";
import { verifyFolder } from "../../../../tlog/verify/verify-folder.ts";
import { LogBench } from "../../../support/audit-log.ts";

describe("keys of the log", () => {
  let bench: LogBench;
  let log: AuditLog | undefined;

  beforeEach(() => {
    bench = new LogBench();
  });

  afterEach(async () => {
    await log?.close();
    bench.remove();
  });

  const folder = () => join(bench.folder, "keys");
  const opened = (algorithms: Algorithm[], pem = "") => LogKeys.open(folder(), "azora.local/test", algorithms, pem);

  async function begin(keys: LogKeys, algorithms: Algorithm[]): Promise<AuditLog> {
    log = await bench.open({ keys });
    await new KeyChanges(log, keys).settle(algorithms);
    await log.publish();
    return log;
  }

  const signatures = () => parseNote(log!.checkpoint).signatures.length;
  const problems = async () => (await verifyFolder(join(bench.folder, "chain"), { workers: 0 })).problems;

  test("only their owner may read them", () => {
    opened(["ed25519"]);
    expect(statSync(folder()).mode & 0o077).toBe(0);
    for (const name of readdirSync(folder())) expect(statSync(join(folder(), name)).mode & 0o077).toBe(0);
  });

  test("from the environment they never touch the disk", async () => {
    const pem = (["ed25519", "ml-dsa-44"] as const)
      .map((one) => generateKey(one).export({ type: "pkcs8", format: "pem" }))
      .join("");
    await begin(opened(["ed25519", "ml-dsa-44"], pem), ["ed25519", "ml-dsa-44"]);
    expect(signatures()).toBe(2);
    expect(readdirSync(folder()).filter((name) => name.endsWith(".pem"))).toEqual([]);
    await log!.close();
    log = await bench.open({ keys: opened(["ed25519", "ml-dsa-44"], pem) });
    await expect(new KeyChanges(log, opened(["ed25519"], pem)).rotate()).rejects.toThrow(
      "AZORA_CHAIN_KEYS holds no unused",
    );
  });

  test("one that is missing in the environment is named, and nothing is signed without it", async () => {
    const pem = generateKey("ed25519").export({ type: "pkcs8", format: "pem" }) as string;
    await begin(opened(["ed25519"], pem), ["ed25519"]);
    await log!.close();
    log = await bench.open({ keys: opened(["ed25519"]) });
    await expect(log.publish()).rejects.toThrow("not in AZORA_CHAIN_KEYS and cannot be read from");
    await log.close().catch(() => {});
    log = await bench.open({ keys: opened(["ed25519"], pem) });
    await log.publish();
    expect(await problems()).toEqual([]);
  });

  test("an algorithm that is switched on signs too, and one that is switched off signs no longer; all stays valid", async () => {
    await begin(opened(["ed25519"]), ["ed25519"]);
    expect(signatures()).toBe(1);
    await log!.close();
    await begin(opened(["ed25519", "ml-dsa-44"]), ["ed25519", "ml-dsa-44"]);
    expect(signatures()).toBe(2);
    await log!.close();
    await begin(opened(["ed25519"]), ["ed25519"]);
    await log!.log("test", {});
    await log!.publish();
    expect(signatures()).toBe(1);
    expect(await problems()).toEqual([]);
  });

  test("a revoked one is replaced, signs no longer, and cannot be revoked twice", async () => {
    const keys = opened(["ed25519"]);
    await begin(keys, ["ed25519"]);
    const changes = new KeyChanges(log!, keys);
    const { keyId } = keys.keys[0]!;
    const { added } = await changes.revoke(keyId, "found on a stick");
    await log!.log("test", {});
    await log!.publish();
    expect(parseNote(log!.checkpoint).signatures.map((one) => one.keyId.toString(16).padStart(8, "0"))).toEqual([
      added[0]!.keyId,
    ]);
    await expect(changes.revoke(keyId, "again")).rejects.toThrow("revoked already");
    await expect(changes.revoke("00000000", "?")).rejects.toThrow("there are");
    expect(await problems()).toEqual([]);
  });
});
