import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { assemble, type Candidate } from "../../../runtime/discovery/assemble.ts";
import type { Plan, ProjectInfo } from "../../../runtime/discovery/plan.ts";

const project: ProjectInfo = { root: "/p", services: "/p/services", foreign: false };

/** A candidate as the probe reads it, from `heart/<name>.service.ts`. */
function candidate(name: string, change: Partial<Candidate> & { at?: string } = {}): Candidate {
  const { at = `heart/${name}.service.ts`, ...rest } = change;
  return {
    kind: "service",
    beside: false,
    folder: project.services,
    file: join(project.services, at),
    name,
    fullName: name,
    ...rest,
  };
}

function planOf(...candidates: Candidate[]): Plan {
  const { plan, problems } = assemble(project, candidates);
  expect(problems).toEqual([]);
  return plan!;
}

function refusals(...candidates: Candidate[]): string[] {
  const { problems } = assemble(project, candidates);
  return problems.map(({ file, field, problem, remedy }) => `${file}: ${field} ${problem}; ${remedy}`);
}

describe("a plan", () => {
  test("gives what a service does not say its default", () => {
    const [service] = planOf(candidate("ledger")).services;
    expect(service).toMatchObject({
      name: "ledger",
      organ: "heart",
      launchPhase: 4,
      priority: "medium",
      capabilities: [],
      singleton: false,
      isolate: false,
      runtimeSystem: false,
    });
  });

  test("keeps launch phase 0, which is no missing value", () => {
    expect(planOf(candidate("ledger", { metadata: { launchPhase: 0 } })).services[0]!.launchPhase).toBe(0);
  });

  test("takes the organ from the folder, else from the metadata, else the muscles", () => {
    const { services } = planOf(
      candidate("a", { at: "immune/a.service.ts", metadata: { organ: "brain" } }),
      candidate("b", { at: "other/b.service.ts", metadata: { organ: "brain" } }),
      candidate("c", { at: "c.service.ts" }),
    );
    const organs = Object.fromEntries(services.map(({ name, organ }) => [name, organ]));
    expect(organs).toEqual({ a: "immune", b: "brain", c: "muscles" });
  });

  test("is the same whatever the order in which files were read", () => {
    const files = [candidate("a"), candidate("b", { dependencies: "a" }), candidate("c", { dependencies: ["b"] })];
    expect(assemble(project, files)).toEqual(assemble(project, [...files].reverse()));
    expect(planOf(...files).order).toEqual([["a"], ["b"], ["c"]]);
  });

  test("knows a dependency by its alias, and tells Moleculer its real name", () => {
    const { services, edges } = planOf(
      candidate("wallet", { metadata: { aliases: ["purse"] } }),
      candidate("shop", { dependencies: ["purse"] }),
    );
    const shop = services.find(({ name }) => name === "shop")!;
    expect(shop.dependencies).toEqual(["wallet"]);
    expect(shop.renamed).toEqual({ purse: "wallet" });
    expect(edges).toEqual([{ from: "shop", to: "wallet", kind: "hard" }]);
  });

  test("prefers a real name to an alias", () => {
    const { services } = planOf(
      candidate("a", { metadata: { aliases: ["purse"] } }),
      candidate("purse"),
      candidate("shop", { dependencies: ["purse"] }),
    );
    expect(services.find(({ name }) => name === "shop")!.dependencies).toEqual(["purse"]);
  });

  test.each([
    [{ name: "posts", version: 2 }, "v2.posts"],
    [{ name: "posts", version: "staging" }, "staging.posts"],
    [{ name: "posts", version: [1, 2] }, "v2.posts"],
    ["v2.posts", "v2.posts"],
  ])("finds the version that %j asks for", (dependency, known) => {
    const { services } = planOf(
      candidate("x", { fullName: known, at: "heart/posts.service.ts" }),
      candidate("shop", { dependencies: [dependency] }),
    );
    const shop = services.find(({ name }) => name === "shop")!;
    expect([shop.dependencies, shop.renamed]).toEqual([[known], {}]);
  });

  test("does not let Moleculer wait for a program, which it cannot see", () => {
    const { services } = planOf(
      candidate("tool", { kind: "program", at: "tool.service.json" }),
      candidate("shop", { dependencies: ["tool"] }),
    );
    expect(services.find(({ name }) => name === "shop")).toMatchObject({
      dependencies: ["tool"],
      renamed: { tool: "" },
    });
  });

  test("leaves out what is not ours to launch", () => {
    const { edges } = planOf(
      candidate("shop", { dependencies: ["legacy", "$node"], metadata: { externalDependencies: ["legacy"] } }),
    );
    expect(edges).toEqual([]);
  });

  test("notes an absent soft dependency, with the nearest name, and stops nothing", () => {
    const plan = planOf(
      candidate("wallet"),
      candidate("shop", { metadata: { softDependencies: ["walet", "wallet"] } }),
    );
    expect(plan.notes).toEqual(['shop: soft dependency "walet" is absent (did you mean "wallet"?)']);
    expect(plan.services.find(({ name }) => name === "shop")!.absent).toEqual(["walet"]);
    expect(plan.edges).toEqual([{ from: "shop", to: "wallet", kind: "soft" }]);
  });

  test("lets soft edges form a cycle and lead into later phases", () => {
    const { order } = planOf(
      candidate("a", { metadata: { softDependencies: ["b"], launchPhase: 1 } }),
      candidate("b", { dependencies: ["a"], metadata: { launchPhase: 2 } }),
    );
    expect(order).toEqual([["a"], ["b"]]);
  });

  test("of a foreign project takes nothing but the runtime systems of Azora", () => {
    const { services } = planOf(
      candidate("shop"),
      candidate("monitoring", { beside: true, at: "x/m.service.ts", metadata: { capabilities: ["runtime"] } }),
      candidate("gateway", { beside: true, at: "x/g.service.ts" }),
    );
    expect(services.map(({ name }) => name)).toEqual(["shop", "monitoring"]);
  });
});

describe("a folder is refused", () => {
  test("for a cycle, shown as a path", () => {
    expect(
      refusals(
        candidate("a", { dependencies: ["b"] }),
        candidate("b", { dependencies: ["c"] }),
        candidate("c", { dependencies: ["a"] }),
      ),
    ).toEqual([
      "heart/a.service.ts: dependencies form a cycle: a → b → c → a; make one of these edges soft (metadata.softDependencies)",
    ]);
  });

  test("for a service that needs itself", () => {
    expect(refusals(candidate("a", { dependencies: "a" }))[0]).toContain("form a cycle: a → a");
  });

  test("for a misspelt hard dependency, with the nearest name", () => {
    expect(refusals(candidate("wallet"), candidate("shop", { dependencies: ["walet"] }))).toEqual([
      'heart/shop.service.ts: dependencies names "walet", which is not in the folder; did you mean "wallet"?',
    ]);
  });

  test("for an unknown hard dependency", () => {
    expect(refusals(candidate("shop", { dependencies: ["elephants"] }))).toEqual([
      'heart/shop.service.ts: dependencies names "elephants", which is not in the folder; add that service, or name it in metadata.externalDependencies',
    ]);
  });

  test("for a hard edge into a later phase", () => {
    expect(
      refusals(
        candidate("early", { dependencies: ["late"], metadata: { launchPhase: 1 } }),
        candidate("late", { metadata: { launchPhase: 2 } }),
      ),
    ).toEqual([
      'heart/early.service.ts: dependencies "early" (phase 1) needs "late", which is launched later (phase 2); move one to another metadata.launchPhase, or make the dependency soft',
    ]);
  });

  test("for two services of one full name, naming both files", () => {
    expect(refusals(candidate("a"), candidate("a", { at: "heart/b.service.ts" }))).toEqual([
      'heart/b.service.ts: name is "a", as in heart/a.service.ts; give one of them another name or version',
    ]);
  });

  test("for a file that does not load", () => {
    expect(refusals(candidate("a", { error: "Unexpected token" }))).toEqual([
      "heart/a.service.ts: file does not load: Unexpected token; mend the file, or take it out of the folder",
    ]);
  });

  test.each([
    [5, "5"],
    [[""], '""'],
    [[{ version: 1 }], '{"version":1}'],
    [[null], "null"],
  ])("for dependencies that are %j", (dependencies, shown) => {
    expect(refusals(candidate("a", { dependencies }))).toEqual([
      `heart/a.service.ts: dependencies is ${shown}; must be names or {name, version}`,
    ]);
  });

  test("for everything wrong at once, each with its file and field", () => {
    const told = refusals(
      candidate("a", {
        metadata: { launchPhase: 9, organ: "liver", externalDependencies: true },
        dependencies: ["nowhere"],
      }),
      candidate("b", { error: "boom" }),
      candidate("c", { metadata: "none" }),
    );
    expect(told.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "heart/a.service.ts: metadata.launchPhase",
      "heart/a.service.ts: metadata.organ",
      "heart/a.service.ts: metadata.externalDependencies",
      "heart/b.service.ts: file",
      "heart/c.service.ts: metadata",
      "heart/a.service.ts: dependencies",
    ]);
  });

  test("for having no services at all", () => {
    expect(refusals()).toEqual([
      "/p/services: folder has no services; files must be named <name>.service.ts, .js, .mjs, .cjs or .json",
    ]);
  });

  test("with what was wrong before the files were read", () => {
    const earlier = { file: "x.service.json", field: "name", problem: "is missing", remedy: "must be a name" };
    expect(assemble(project, [candidate("a")], [earlier]).problems).toEqual([earlier]);
  });
});
