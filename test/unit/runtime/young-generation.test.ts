import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { NODE_FLAGS } from "../../../runtime/node-executable.ts";

test("the space for new objects stays small while a process starts, and grows with the load afterwards", () => {
  const script = join(import.meta.dirname, "young-generation-process.ts");
  const { started, released, loaded } = JSON.parse(execFileSync(process.execPath, [...NODE_FLAGS, script]).toString());
  expect(started).toBeLessThan(3);
  expect(released).toBeLessThan(3);
  expect(loaded).toBeGreaterThan(4);
});
