import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { UsageError } from "../../../cli/command.ts";
import { profile } from "../../../cli/commands/profile.ts";
import { readSettings } from "../../../runtime/settings.ts";

const CPU = {
  node: "muscles-1",
  file: "/data/profiles/muscles-1-20261120T080113123Z.cpuprofile",
  bytes: 240_100,
  duration: 10_000,
  idle: 4000,
  samples: 8123,
  top: [
    { function: "grade", file: `${process.cwd()}/services/grader.service.ts`, line: 12, time: 4500, share: 0.75 },
    { function: "sign", file: "/srv/node_modules/jose/sign.js", line: 3, time: 900, share: 0.15 },
    { function: "(garbage collector)", file: "", line: 0, time: 600, share: 0.1 },
  ],
};

describe("azora profile", () => {
  let server: Server;
  let asked: { url?: string | undefined; method?: string | undefined; body: unknown }[];
  let answer: object;
  let printed: string[];
  beforeEach(async () => {
    asked = [];
    printed = [];
    answer = CPU;
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      asked.push({ url: request.url, method: request.method, body: JSON.parse(text) });
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  function run(args: string[], options: Record<string, string | boolean> = {}) {
    const { port } = server.address() as AddressInfo;
    const settings = readSettings({ AZORA_ORCHESTRATOR_PORT: String(port), AZORA_DATA_DIR: "/nowhere" });
    return profile.run({
      settings,
      args,
      options,
      out: (text) => printed.push(...stripVTControlCharacters(text).split("\n")),
    });
  }

  test("asks for ten seconds, and shows the functions that took most time and the file", async () => {
    expect(await run(["muscles-1"])).toBe(0);
    expect(asked).toEqual([
      { method: "POST", url: "/api/performance/profile/muscles-1", body: { seconds: 10, kind: "cpu" } },
    ]);
    expect(printed[0]).toBe("8123 samples in 10000 ms, busy for 60 % of them");
    expect(printed.slice(1)).toEqual([
      "  self     time  function             where",
      "75.0 %  4500 ms  grade                services/grader.service.ts:12",
      "15.0 %   900 ms  sign                 jose/sign.js:3",
      "10.0 %   600 ms  (garbage collector)",
      "/data/profiles/muscles-1-20261120T080113123Z.cpuprofile (241 kB)",
      "open it in Chrome: DevTools, then Performance or Memory, then Load profile",
    ]);
  });

  test("asks for allocations and heaps by their own ways", async () => {
    answer = { node: "heart-1@far", file: "/x.heapprofile", bytes: 5_400_000, heapUsed: 41_000_000, blocked: 1800 };
    await run(["heart-1@far"], { allocations: true, seconds: "3" });
    await run(["heart-1@far"], { heap: true });
    expect(asked).toMatchObject([
      { url: "/api/performance/profile/heart-1%40far", body: { seconds: 3, kind: "allocations" } },
      { url: "/api/performance/heap/heart-1%40far", body: {} },
    ]);
    expect(printed).toContain("41 MB in use; the node stood still for 1800 ms");
  });

  test("prints JSON when that is wanted", async () => {
    await run(["muscles-1"], { json: true });
    expect(JSON.parse(printed.join(""))).toEqual(CPU);
  });

  test.each([
    { seconds: "0" },
    { seconds: "61" },
    { seconds: "1.5" },
    { seconds: "ten" },
    { heap: true, seconds: "5" },
    { heap: true, allocations: true },
  ])("refuses %j as wrong usage", async (options) => {
    await expect(run(["muscles-1"], options as unknown as Record<string, string>)).rejects.toThrow(UsageError);
    expect(asked).toEqual([]);
  });
});
