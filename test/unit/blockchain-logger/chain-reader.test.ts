import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { ChainReader } from "../../../services/immune/blockchain-logger/chain-reader.ts";
import { LogReader } from "../../../tlog/log-reader.ts";
import { ChainLog, ordinaryEntry } from "../../support/chain-log.ts";

const folder = mkdtempSync(join(tmpdir(), "azora-reader-"));
afterEach(() => rmSync(folder, { recursive: true }));

test("a block that is under way to the disk is not there yet, and keeps nobody from the others", () => {
  const log = new ChainLog(folder, { blockSize: 10 });
  for (let n = 0; n < 30; n++) log.add(ordinaryEntry(n));
  const checkpoint = log.publish();
  const underWay = { height: 4, recentBlocks: [], reader: new LogReader(folder), checkpoint };
  const reader = new ChainReader(underWay as never, undefined as never);
  expect(reader.blocks(undefined, 2).map(({ height }) => height)).toEqual([2, 1]);
  expect(() => reader.block(3)).toThrow("there is no block 3; the last one is 2");
});
