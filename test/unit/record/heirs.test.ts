import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { outboxFiles } from "../../../runtime/record/files.ts";
import { Heirs } from "../../../runtime/record/heirs.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("A disk that takes no lock makes nobody call what a dead node has left damaged; it is taken over later", async () => {
  const outboxes = mkdtempSync(join(tmpdir(), "azora-heirs-"));
  const folder = join(outboxes, "heart-1");
  mkdirSync(folder);
  writeFileSync(join(folder, "life.000001.outbox"), "");
  const inTheWay = join(folder, `life.lock.${process.pid}`);
  mkdirSync(inTheWay);
  const damages: string[] = [];
  const taken: string[] = [];
  const heirs = new Heirs({
    outboxes,
    own: join(outboxes, "brain-1"),
    clock: new FakeClock(),
    reading: { files: outboxFiles, damaged: (path) => damages.push(path) },
    taken: ({ instance }) => taken.push(instance),
    given: () => {},
  });
  heirs.look();
  expect([damages, taken]).toEqual([[], []]);
  rmSync(inTheWay, { recursive: true });
  heirs.look();
  expect([damages, taken]).toEqual([[], ["life"]]);
  await heirs.close();
  rmSync(outboxes, { recursive: true });
});
