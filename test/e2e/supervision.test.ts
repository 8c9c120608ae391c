import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";

jest.setTimeout(60_000);

describe("supervised services", () => {
  let organism: TestOrganism;
  const lives = async (): Promise<Record<string, number>> => {
    const services =
      await organism.get<{ metadata: { name: string }; instances: { incarnation: number }[] }[]>(
        "/orchestrator/services",
      );
    return Object.fromEntries(
      services.map(({ metadata, instances }) => [metadata.name, instances[0]?.incarnation ?? 0]),
    );
  };
  const plain = (name: string, dependencies: string[] = [], healing = "{}") =>
    `export default { name: "${name}", dependencies: ${JSON.stringify(dependencies)}, metadata: { healing: ${healing} }, actions: { hello: () => 1 } };`;

  beforeAll(async () => {
    organism = await TestOrganism.create({ AZORA_EVENT_BUS_URL: "mesh" });
    await organism.up(
      writeFiles(join(organism.folder, "project"), {
        "services/heart/ledger.service.mjs": plain("ledger", [], `{ strategy: "rest-for-one" }`),
        "services/lungs/shop.service.mjs": plain("shop", ["ledger"]),
        "services/stomach/report.service.mjs": plain("report", ["shop"]),
        "services/brain/other.service.mjs": plain("other"),
      }),
    );
  });
  afterAll(() => organism.down());

  it("restart with the one that failed, each time that it fails, and nobody else", async () => {
    for (let round = 1; round <= 2; round++) {
      const before = await lives();
      process.kill((await organism.node("heart-1")).pid, "SIGKILL");
      const end = Date.now() + 15_000;
      let now = before;
      while ((now["report"]! <= before["report"]! || now["ledger"]! <= before["ledger"]!) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        now = await lives().catch(() => now);
      }
      await organism.untilHealthy();
      now = await lives();
      for (const name of ["ledger", "shop", "report"])
        expect([round, name, now[name]]).toEqual([round, name, before[name]! + 1]);
      expect(now["other"]).toBe(before["other"]);
    }
  });

  it("recover together on demand, as the plan says", async () => {
    const { out } = await organism.cli("recover", "ledger", "--plan");
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual([
      "ledger: it is what is to recover",
      "shop: it depends on ledger (rest-for-one)",
      "report: it depends on ledger (rest-for-one)",
    ]);
    const before = await lives();
    expect(await organism.cli("recover", "ledger")).toMatchObject({
      code: 0,
      out: expect.stringContaining("restarted in"),
    });
    const now = await lives();
    expect([now["ledger"], now["shop"], now["report"], now["other"]]).toEqual([
      before["ledger"]! + 1,
      before["shop"]! + 1,
      before["report"]! + 1,
      before["other"],
    ]);
    expect(await organism.cli("recover", "ledgr")).toMatchObject({
      code: 1,
      err: expect.stringContaining("did you mean ledger?"),
    });
  });
});
