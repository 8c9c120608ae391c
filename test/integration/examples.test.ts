import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { discover } from "../../runtime/discovery/discover.ts";
import type { Plan, ProjectInfo } from "../../runtime/discovery/plan.ts";
import { locateProject } from "../../runtime/discovery/scan.ts";
import { projectEnvironment } from "../../runtime/project.ts";

const folder = join(import.meta.dirname, "../../examples");

async function planOf(name: string): Promise<Plan> {
  const project = locateProject(join(folder, name), folder) as ProjectInfo;
  const { plan, problems } = await discover(project, { env: projectEnvironment(project) });
  expect(problems).toEqual([]);
  return plan!;
}

const ownServices = ({ services }: Plan) => services.filter(({ runtimeSystem }) => !runtimeSystem);
const order = ({ order }: Plan) => order.flat();

describe("the Moleculer project", () => {
  test("is read whole: TypeScript with an enum, CommonJS, a factory, a class, a version", async () => {
    const plan = await planOf("moleculer-project");
    expect(ownServices(plan).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["api", "breads", "prices", "receipts", "stock", "v2.orders"]),
    );
    expect(ownServices(plan)).toHaveLength(6);
    expect(plan.project.config).toBe(join(folder, "moleculer-project/moleculer.config.ts"));
  });

  test("starts what is needed before what needs it", async () => {
    const names = order(await planOf("moleculer-project"));
    const chain = ["breads", "prices", "v2.orders", "receipts"].map((name) => names.indexOf(name));
    expect(chain).toEqual([...chain].sort((a, b) => a - b));
    expect(names.indexOf("stock")).toBeLessThan(names.indexOf("v2.orders"));
  });

  test("goes beside the runtime systems only", async () => {
    const plan = await planOf("moleculer-project");
    expect(plan.services.map(({ name }) => name)).toContain("master-orchestrator");
    expect(plan.services.map(({ name }) => name)).not.toContain("user-management");
  });
});

describe("the programs", () => {
  test("are read from their descriptions, and Moleculer services may need them", async () => {
    const plan = await planOf("programs");
    const weather = plan.services.find(({ name }) => name === "weather")!;
    expect(weather).toMatchObject({
      kind: "program",
      program: { command: "python3", args: ["weather.py"], cwd: join(folder, "programs"), port: 3921 },
    });
    expect(plan.edges).toContainEqual({ from: "clothing", to: "weather", kind: "hard" });
  });
});

test("every example is explained, with the command that runs it", () => {
  const page = readFileSync(join(folder, "README.md"), "utf8");
  const examples = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of examples) expect(page).toContain(`npx azora up examples/${name}`);
});
