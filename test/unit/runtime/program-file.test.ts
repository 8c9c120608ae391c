import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readProgramFile } from "../../../runtime/discovery/program-file.ts";

describe("a program's description", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-program-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (content: unknown) => {
    const file = join(folder, "tool.service.json");
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return readProgramFile(file);
  };
  const problems = (content: unknown) => {
    const outcome = read(content);
    return "problems" in outcome ? outcome.problems : [];
  };

  test("needs a name and a command only; its folder is the file's own", () => {
    expect(read({ name: "tool", command: "python3" })).toEqual({
      program: {
        name: "tool",
        dependencies: undefined,
        metadata: undefined,
        program: { command: "python3", args: [], cwd: folder, env: {} },
      },
    });
  });

  test("may say everything; relative folders are seen from the file", () => {
    const all = {
      name: "tool.v2",
      command: "python3",
      args: ["-u", "tool.py"],
      cwd: "../tools",
      env: { A: "1" },
      port: 8080,
      health: "/up",
      dependencies: ["a"],
      metadata: { organ: "lungs" },
    };
    const { program } = read(all) as { program: { program: object } };
    expect(program.program).toEqual({
      command: "python3",
      args: ["-u", "tool.py"],
      cwd: join(folder, "../tools"),
      env: { A: "1" },
      port: 8080,
      health: "/up",
    });
  });

  test("is refused with all that is wrong at once", () => {
    expect(
      problems({ args: "x", port: 0, health: "up", env: { A: 1 }, comand: "x" }).map(({ field }) => field),
    ).toEqual(["name", "command", "args", "env", "port", "health", "comand"]);
  });

  test.each(["{", ""])("is refused where it is no JSON: %j", (text) => {
    expect(problems(text)).toMatchObject([{ field: "file", remedy: "mend the file" }]);
  });

  test.each(["null", "[]", '"tool"', "5"])("is refused where it is %s and no object", (text) => {
    expect(problems(text)).toMatchObject([{ field: "file", problem: expect.stringContaining("is no object") }]);
  });

  test("knows no field that is named like an object's own method", () => {
    expect(problems('{"name": "tool", "command": "x", "constructor": 1}')).toMatchObject([
      { field: "constructor", problem: "is not known" },
    ]);
  });
});
