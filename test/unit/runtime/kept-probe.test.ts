import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { KeptProbe } from "../../../runtime/discovery/kept-probe.ts";

const PROBED = [{ file: "/azora/services/immune/healer.service.ts", name: "healer", fullName: "healer" }];
let root: string;
let cache: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "azora-kept-"));
  cache = join(root, "cache");
  for (const folder of ["services/immune", "mixins", "models", "runtime", "tlog"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "services/immune/healer.service.ts"), "export default { name: 'healer' };");
  new KeptProbe(cache, root).keep(PROBED);
});

afterEach(() => rmSync(root, { recursive: true }));

test("what was read of the own services is known to the next start", () => {
  expect(new KeptProbe(cache, root).read()).toEqual(PROBED);
});

test.each<[string, () => void]>([
  ["is written", () => utimesSync(join(root, "services/immune/healer.service.ts"), 1, 1)],
  ["comes", () => writeFileSync(join(root, "mixins/new.ts"), "")],
  ["goes", () => rmSync(join(root, "services/immune/healer.service.ts"))],
])("it counts for nothing when a file %s", (_what, change) => {
  change();
  expect(new KeptProbe(cache, root).read()).toBeUndefined();
});

test("what another installation of Azora read is not taken", () => {
  expect(new KeptProbe(cache, join(root, "services", "..")).read()).toEqual(PROBED);
  mkdirSync(join(root, "other"));
  for (const folder of ["services", "mixins", "models", "runtime", "tlog"]) mkdirSync(join(root, "other", folder));
  expect(new KeptProbe(cache, join(root, "other")).read()).toBeUndefined();
});

test("a service that could not be read is not kept", () => {
  rmSync(cache, { recursive: true });
  new KeptProbe(cache, root).keep([{ file: "x", error: "no luck" }]);
  expect(new KeptProbe(cache, root).read()).toBeUndefined();
});

test("without a cache nothing is kept", () => {
  new KeptProbe("", root).keep(PROBED);
  expect(new KeptProbe("", root).read()).toBeUndefined();
});

test("a damaged file counts for nothing", () => {
  const folder = join(cache, "services");
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), "{");
  expect(new KeptProbe(cache, root).read()).toBeUndefined();
});
