import { expect, test } from "@jest/globals";
import { TileLayout } from "../../../../services/immune/blockchain-logger/log/tile-layout.ts";
import { leafHash } from "../../../../tlog/hashes.ts";

function add(layout: TileLayout, count: number): void {
  for (let n = 0; n < count; n++) {
    const bytes = Buffer.from(`entry ${n}`);
    layout.add(bytes, leafHash(bytes));
  }
}

const pathsOf = (files: readonly { path: string }[]) => files.map(({ path }) => path);

test("What could not be laid out is laid out once the next time, however often it fails", () => {
  const layout = new TileLayout();
  add(layout, 256 + 5);
  const first = layout.take();
  layout.giveBack(first);
  for (let attempt = 0; attempt < 3; attempt++) layout.giveBack(layout.take());
  expect(pathsOf(layout.take().files).sort()).toEqual(pathsOf(first.files).sort());
});

test("Partial tiles of an attempt that failed are named, to be removed before the next one", () => {
  const layout = new TileLayout();
  add(layout, 5);
  layout.giveBack(layout.take());
  add(layout, 2);
  const { files, unfinished } = layout.take();
  expect(pathsOf(files)).toEqual(["tile/entries/000.p/7", "tile/0/000.p/7"]);
  expect(unfinished).toEqual(["tile/entries/000.p/5", "tile/0/000.p/5"]);
  expect(layout.take().unfinished).toEqual([]);
});
