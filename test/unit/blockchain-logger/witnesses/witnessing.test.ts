import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { replaceFile } from "../../../../runtime/durable-file.ts";
import { KeyChanges } from "../../../../services/immune/blockchain-logger/keys/key-changes.ts";
import { keyHistory } from "../../../../services/immune/blockchain-logger/keys/key-history.ts";
import { LogKeys } from "../../../../services/immune/blockchain-logger/keys/log-keys.ts";
import type { AuditLog } from "../../../../services/immune/blockchain-logger/log/audit-log.ts";
import { Witnessing, type WitnessLink } from "../../../../services/immune/blockchain-logger/witnesses/witnessing.ts";
import { parseVkey, verifySignatures } from "../../../../tlog/keys.ts";
import { parseNote } from "../../../../tlog/note.ts";
import { WitnessFiles } from "../../../../tlog/witness-files.ts";
import { WitnessHost } from "../../../../tlog/witness-host.ts";
import { LogBench } from "../../../support/audit-log.ts";

const quiet = { info() {}, warn() {}, error() {} };

describe("a log and its witness", () => {
  let bench: LogBench;
  let log: AuditLog;
  let keys: LogKeys;
  let witness: WitnessHost;
  let isAway = false;
  let witnessing: Witnessing;

  const link: WitnessLink = {
    name: "witness",
    vkey: async () => witness.vkey,
    async submit(body) {
      if (isAway) throw new Error("it does not answer");
      const answer = witness.addCheckpoint(body);
      if (answer.status !== 403 && answer.status !== 404) return answer;
      witness.introduce(keyHistory(log.reader, keys));
      return witness.addCheckpoint(body);
    },
  };

  beforeEach(async () => {
    bench = new LogBench();
    isAway = false;
    witness = new WitnessHost(
      new WitnessFiles(join(bench.folder, "witness"), replaceFile),
      () => "azora.test/witness",
      bench.clock,
    );
    await begin();
  });

  afterEach(async () => {
    witnessing.stop();
    await log.close().catch(() => {});
    bench.remove();
  });

  async function begin(policy: "open" | "closed" = "closed"): Promise<void> {
    keys = LogKeys.open(join(bench.folder, "keys"), "azora.local/test", ["ed25519"], "");
    log = await bench.open({ keys, onPublished: () => witnessing?.published() });
    const { clock } = bench;
    witnessing = new Witnessing({ log, links: [link], policy, patience: 5000, clock, logger: quiet });
  }

  async function publish(): Promise<void> {
    await log.log("test", {});
    await log.publish();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Copies the log and its keys. Returns what puts the copies in their place. */
  function backUp(): () => void {
    const copies = ["chain", "keys"].map(
      (name) => [join(bench.folder, name), join(bench.folder, `${name}-backup`)] as const,
    );
    for (const [folder, copy] of copies) cpSync(folder, copy, { recursive: true });
    return () => {
      for (const [folder, copy] of copies) {
        rmSync(folder, { recursive: true });
        cpSync(copy, folder, { recursive: true });
      }
    };
  }

  test("confirms each checkpoint, and its signature stands in it", async () => {
    await publish();
    await publish();
    expect(log.progress.size("witnessed")).toBe(log.size);
    const note = parseNote(log.checkpoint);
    expect(verifySignatures(note, [parseVkey(witness.vkey)])).toHaveLength(1);
    expect(() => witnessing.check()).not.toThrow();
  });

  test("one that is away is a trouble after a while, and is asked again until it is back", async () => {
    await publish();
    isAway = true;
    await publish();
    expect(() => witnessing.check()).not.toThrow();
    bench.clock.advance(6000);
    expect(witnessing.trouble).toContain("no witness for 6 s (witness: it does not answer)");
    expect(() => witnessing.check()).toThrow("no witness");
    isAway = false;
    await new Promise((resolve) => setTimeout(resolve, 20));
    bench.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(witnessing.trouble).toBeUndefined();
    expect(log.progress.size("witnessed")).toBe(log.size);
  });

  test("where the policy is open, the log goes on without one", async () => {
    witnessing.stop();
    await log.close();
    await begin("open");
    isAway = true;
    await publish();
    bench.clock.advance(6000);
    expect(witnessing.trouble).toBeDefined();
    expect(() => witnessing.check()).not.toThrow();
  });

  test("it catches a log that was set back together with its keys", async () => {
    await publish();
    await log.close();
    const restore = backUp();
    await begin();
    await publish();
    await publish();
    witnessing.stop();
    await log.close();
    restore();
    await begin();
    await publish();
    expect(witnessing.conflict).toMatch(/witness has seen .* of this log/);
    expect(() => witnessing.check()).toThrow("has seen");
  });

  test("it catches a log that tells another history, even a longer one", async () => {
    await publish();
    await log.close();
    const restore = backUp();
    await begin();
    await publish();
    witnessing.stop();
    await log.close();
    restore();
    await begin();
    for (let n = 0; n < 10; n++) await log.log("forged", { n });
    await publish();
    expect(witnessing.conflict).toContain("another history");
  });

  test("it follows the log's keys from one to the next, and an old proof does not bring a revoked one back", async () => {
    await publish();
    const changes = new KeyChanges(log, keys);
    await changes.rotate();
    await publish();
    expect(log.progress.size("witnessed")).toBe(log.size);
    const old = keyHistory(log.reader, keys);
    const [, second] = keys.keys;
    await changes.revoke(second!.keyId, "a copy of it was found");
    await publish();
    expect(log.progress.size("witnessed")).toBe(log.size);
    witness.introduce(old);
    const { vkeys } = new WitnessFiles(join(bench.folder, "witness"), replaceFile).trustOf(keys.origin)!;
    expect(vkeys).toEqual([keys.keys[2]!.vkey]);
  });
});
