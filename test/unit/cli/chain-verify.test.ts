import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { generateKey, signerOf } from "../../../tlog/keys.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { formatProof } from "../../../tlog/proof-bundle.ts";
import { inclusionProof } from "../../../tlog/proofs.ts";
import { fill, GeneratedLog } from "../../support/generated-log.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "azora-verify-"));
const witness = signerOf("witness.example", generateKey("ed25519"), { cosigner: true });
const other = signerOf("azora.test/log", generateKey("ed25519"));
const log = fill(new GeneratedLog(join(folder, "data/chain/log"), { blockSize: 100 }), 300);
log.publish((text) => [witness.sign(text, 1000)]);
const reader = new LogReader(log.folder);
const proof = formatProof({
  index: 7,
  proof: inclusionProof(7, 300, reader.node),
  checkpoint: reader.checkpoint(),
  extra: reader.leaf(7),
});
mkdirSync(join(folder, "elsewhere"));
writeFileSync(join(folder, "elsewhere/entry.tlog-proof"), proof);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function verify(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env["PATH"], NO_COLOR: "1", AZORA_DATA_DIR: join(folder, "data") };
  const program = ["--disable-warning=ExperimentalWarning", join(ROOT, "cli/main.ts"), "chain", "verify", ...args];
  return new Promise((done) => {
    execFile(process.execPath, program, { cwd: folder, env }, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

describe("azora chain verify", () => {
  test("verifies this organism's log, and says which key it trusted", async () => {
    const { code, out } = await verify();
    expect([code, out]).toEqual([0, expect.stringMatching(/^trusts .*data\/chain\/log\/keys \(give --key/)]);
    expect(out).toContain(`  ${log.vkeys[0]!.split("+", 2).join("+")}\n`);
    expect(out).toMatch(/✔ azora\.test\/log: 300 entries in 4 blocks, signed by azora\.test\/log\+[0-9a-f]{8} \(/);
  });

  test("takes the log's own folder, a key, a witness, threads and a range", async () => {
    writeFileSync(join(folder, "trusted"), `${log.vkeys[0]}\n`);
    const { code, out } = await verify(
      log.folder,
      "--key",
      "trusted",
      "--witness",
      witness.verifier.vkey,
      "--workers",
      "1",
      "--from",
      "100",
      "--to",
      "200",
      "--deep",
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      isValid: true,
      size: 300,
      trusted: log.vkeys,
      trustedFrom: "the keys that were given",
    });
  });

  test("fails with another key, or without the witness that is asked for", async () => {
    const foreign = await verify("--key", other.verifier.vkey);
    expect([foreign.code, foreign.out]).toEqual([1, expect.stringContaining("no key that was given has signed it")]);
    const unseen = await verify(
      "--witness",
      signerOf("w.example", generateKey("ed25519"), { cosigner: true }).verifier.vkey,
    );
    expect([unseen.code, unseen.out]).toEqual([1, expect.stringContaining("the witness w.example+")]);
  });

  test("fails, and names the place, where anything is off", async () => {
    const file = join(log.folder, "tile/entries/000");
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.from(bytes.toString("latin1").replace("wallet-42", "wallet-43"), "latin1"));
    const { code, out } = await verify();
    writeFileSync(file, bytes);
    expect([code, out]).toEqual([1, expect.stringMatching(/✖ .*1 thing is wrong.*\n {2}entry 42: .*it was altered/)]);
    renameSync(join(log.folder, "checkpoint"), join(log.folder, "no-checkpoint"));
    const without = await verify();
    renameSync(join(log.folder, "no-checkpoint"), join(log.folder, "checkpoint"));
    expect([without.code, without.out]).toEqual([1, expect.stringContaining("checkpoint: it is missing")]);
  });

  test("verifies a proof with the keys that are at hand, or with a given one", async () => {
    const { code, out } = await verify("elsewhere/entry.tlog-proof");
    expect([code, out]).toEqual([
      0,
      expect.stringContaining("✔ entry 7 stands in the log azora.test/log of 300 entries, signed by"),
    ]);
    const json = await verify("elsewhere/entry.tlog-proof", "--key", log.vkeys[0]!, "--json");
    expect(JSON.parse(json.out)).toMatchObject({ isValid: true, index: 7, entry: { eventType: expect.any(String) } });
    const foreign = await verify("elsewhere/entry.tlog-proof", "--key", other.verifier.vkey);
    expect([foreign.code, foreign.out]).toEqual([1, expect.stringContaining("✖ No known key has signed this")]);
  });

  test.each([
    [["nowhere"], "there is nothing at"],
    [["elsewhere"], "there is no log in"],
    [["trusted"], "is no log, proof, export or incident file"],
    [["--key", "x"], "--key must be a vkey or a file"],
    [["--workers", "many"], "--workers is"],
    [["--from", "301"], "is no range of a log of 300 entries"],
  ])("says %j is wrong usage", async (args, why) => {
    const { code, err } = await verify(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  });
});
