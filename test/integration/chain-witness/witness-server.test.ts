import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { witnessServer } from "../../../cli/witness-server.ts";
import { replaceFile } from "../../../runtime/durable-file.ts";
import type { Chain } from "../../../services/immune/blockchain-logger/chain.ts";
import { KeyChanges } from "../../../services/immune/blockchain-logger/keys/key-changes.ts";
import { LogKeys } from "../../../services/immune/blockchain-logger/keys/log-keys.ts";
import type { AuditLog } from "../../../services/immune/blockchain-logger/log/audit-log.ts";
import { httpWitness } from "../../../services/immune/blockchain-logger/witnesses/witness-links.ts";
import { Witnessing } from "../../../services/immune/blockchain-logger/witnesses/witnessing.ts";
import { WitnessFiles } from "../../../tlog/witness-files.ts";
import { WitnessHost } from "../../../tlog/witness-host.ts";
import { LogBench } from "../../support/audit-log.ts";

describe("a witness over HTTP", () => {
  let bench: LogBench;
  let log: AuditLog;
  let keys: LogKeys;
  let host: WitnessHost;
  let server: Server;
  let url: string;
  let witnessing: Witnessing;

  beforeEach(async () => {
    bench = new LogBench();
    keys = LogKeys.open(join(bench.folder, "keys"), "azora.local/test", ["ed25519"], "");
    log = await bench.open({ keys });
    await log.publish();
    const files = new WitnessFiles(join(bench.folder, "witness"), replaceFile);
    host = new WitnessHost(files, () => "witness.test", bench.clock);
    host.introduce({ origin: keys.origin, first: keys.keys.map(({ vkey }) => vkey), changes: [] });
    server = witnessServer(host, files).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    witnessing = new Witnessing({
      log,
      links: [httpWitness(host.vkey, url, { log, keys } as Chain)],
      policy: "closed",
      patience: 5000,
      clock: bench.clock,
      logger: { info() {}, warn() {}, error() {} },
    });
  });

  afterEach(async () => {
    witnessing.stop();
    await log.close();
    server.closeAllConnections();
    server.close();
    bench.remove();
  });

  async function confirmed(): Promise<void> {
    await log.log("test", {});
    await log.publish();
    witnessing.published();
    await log.reached(log.size - 1, "witnessed");
  }

  test("confirms what goes on, follows the log's keys, and shows what it saw", async () => {
    await confirmed();
    await new KeyChanges(log, keys).rotate();
    await confirmed();
    const hash = createHash("sha256").update(keys.origin).digest("hex");
    const seen = await (await fetch(`${url}/${hash}/checkpoint`)).text();
    expect(seen).toContain(`${keys.origin}\n${log.size}\n`);
    expect(seen).toContain("— witness.test ");
    expect(await (await fetch(`${url}/vkey`)).text()).toBe(`${host.vkey}\n`);
  });

  test.each([
    ["POST", "/add-checkpoint", "nonsense", 400],
    ["POST", "/log-keys", "nonsense", 400],
    ["POST", "/log-keys", JSON.stringify({ origin: "stranger", changes: [] }), 404],
    ["POST", "/add-checkpoint", "x".repeat(1024 * 1024 + 1), 413],
    ["GET", "/../witness.json", undefined, 404],
    ["GET", `/${"0".repeat(64)}/checkpoint`, undefined, 404],
  ])("%s %s with what it does not know is answered with a status and a reason", async (method, path, body, status) => {
    const response = await fetch(url + path, { method, ...(body === undefined ? {} : { body }) });
    expect(response.status).toBe(status);
    expect((await response.text()).length).toBeGreaterThan(5);
  });
});
