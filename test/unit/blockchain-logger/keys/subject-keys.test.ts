import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MOST_DATA_BYTES } from "../../../../runtime/record/recorder.ts";
import { SubjectKeys } from "../../../../services/immune/blockchain-logger/keys/subject-keys.ts";
import { draftOf } from "../../../../services/immune/blockchain-logger/log/draft.ts";
import { MAX_LEAF_BYTES } from "../../../../tlog/entry.ts";

describe("keys of persons", () => {
  let folder: string;
  let keys: SubjectKeys;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-keys-"));
    keys = new SubjectKeys(folder, "");
  });

  afterEach(() => {
    keys.close();
    rmSync(folder, { recursive: true });
  });

  test("what is sealed opens again, also in a later life, and only for its own entry", async () => {
    const { pseudonym, data } = await keys.seal("ada", { email: "ada@example.org" }, "entry 1");
    keys.close();
    keys = new SubjectKeys(folder, "");
    expect(keys.open(pseudonym, data.sealed, "entry 1")).toMatchObject({
      subject: "ada",
      data: { email: "ada@example.org" },
    });
    expect(() => keys.open(pseudonym, data.sealed, "entry 2")).toThrow("cannot be opened");
  });

  test("the same words twice tell nobody that they are the same", async () => {
    const [one, other] = [await keys.seal("ada", { vote: "yes" }, "1"), await keys.seal("ada", { vote: "yes" }, "1")];
    expect(one.data.sealed.commitment).not.toBe(other.data.sealed.commitment);
    expect(one.data.sealed.ciphertext).not.toBe(other.data.sealed.ciphertext);
    expect(one.pseudonym).toBe(other.pseudonym);
  });

  test("the largest data that a node records is no larger than an entry when it is sealed", async () => {
    const empty = { payload: "", source: { node: "heart-1", instance: "i".repeat(36), epoch: 179_517_943, seq: 1 } };
    const payload = "x".repeat(MOST_DATA_BYTES);
    const { pseudonym, data } = await keys.seal("ada", { ...empty, payload }, "entry 1");
    const names = { subject: pseudonym, actor: "a".repeat(200) };
    expect(draftOf("e".repeat(200), { ...data, source: empty.source }, names).bytes).toBeLessThan(MAX_LEAF_BYTES);
  });

  test("a person who is new to many at once gets one key", async () => {
    const sealed = await Promise.all(Array.from({ length: 20 }, (_, at) => keys.seal("ada", { at }, String(at))));
    expect(new Set(sealed.map(({ pseudonym }) => pseudonym)).size).toBe(1);
  });

  test("a destroyed key leaves no name and no key on disk, and waits for its tombstone", async () => {
    const { pseudonym, data } = await keys.seal("ada.lovelace@example.org", { a: 1 }, "1");
    const erased = keys.destroy("ada.lovelace@example.org");
    expect(erased).toEqual({ pseudonym, keyId: data.sealed.key });
    expect(keys.open(pseudonym, data.sealed, "1")).toBeUndefined();
    expect(keys.unburied()).toEqual([erased]);
    for (const name of readdirSync(folder)) expect(readFileSync(join(folder, name)).includes("lovelace")).toBe(false);
    keys.buried(pseudonym);
    expect(keys.unburied()).toEqual([]);
    expect(keys.destroy("ada.lovelace@example.org")).toBeUndefined();
  });

  test("somebody of whom something is written after the erasure is somebody new", async () => {
    const { pseudonym } = await keys.seal("ada", {}, "1");
    keys.destroy("ada");
    expect((await keys.seal("ada", {}, "2")).pseudonym).not.toBe(pseudonym);
  });

  test("only the owner may read the keys", async () => {
    await keys.seal("ada", {}, "1");
    for (const name of readdirSync(folder))
      expect({ name, mode: statSync(join(folder, name)).mode & 0o077 }).toEqual({ name, mode: 0 });
  });

  test("data that cannot be written exactly is refused with the field", async () => {
    await expect(keys.seal("ada", { grade: Number.NaN }, "1")).rejects.toThrow("data.grade");
  });
});
