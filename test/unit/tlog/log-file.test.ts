import { expect, test } from "@jest/globals";
import { kindOfLogFile } from "../../../tlog/log-file.ts";
import { tilePath } from "../../../tlog/tiles.ts";

test.each([
  ["checkpoint", "checkpoint"],
  ["keys", "keys"],
  ["checkpoints/1234", "kept"],
  [tilePath(0, 0), "tile"],
  [tilePath(63, 1_234_067, 255), "tile"],
  [tilePath("entries", 7, 1), "entries"],
  [tilePath("block", 1_000_000), "block"],
])("%s is a file of the log", (path, kind) => {
  expect(kindOfLogFile(path)).toBe(kind);
});

test.each([
  "",
  "../keys/chain.pem",
  "tile/0/../../../x",
  "tile/64/000",
  "tile/00/000",
  "tile/0/000.p/256",
  "tile/0/000.p/0",
  "tile/0/0000",
  "tile/0/x01/000",
  "tile/0/000\n",
  "checkpoints/x",
  "/checkpoint",
  "wal/0000000000000000",
  "index.sqlite",
])("%j is none", (path) => {
  expect(kindOfLogFile(path)).toBeUndefined();
});
