import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FAULT_KINDS, readExperiment } from "../../../services/immune/chaos-monkey/experiment.ts";
import { readLibrary } from "../../../services/immune/chaos-monkey/experiment-files.ts";
import { readSuite } from "../../../services/immune/chaos-monkey/suite.ts";
import { experiment } from "./organism.ts";

const HERE = resolve(import.meta.dirname, "../../../services/immune/chaos-monkey");

function errorsOf(given: unknown) {
  const read = readExperiment(given);
  return "errors" in read ? read.errors : [];
}

describe("an experiment", () => {
  test("that is whole is taken", () => {
    expect(readExperiment(experiment())).toEqual({ experiment: experiment() });
  });

  test.each([
    ["name", { name: "Kill A Node" }, "Kill A Node", /small letters/],
    ["description", { description: "" }, "", /1 to 500 characters/],
    ["duration", { duration: -1 }, -1, /from 250 to 1800000 ms/],
    ["duration", { duration: "5s" }, "5s", /a whole number/],
    ["stop", { stop: "never" }, "never", /a list/],
    ["colour", { colour: "red" }, "red", /known are name, description/],
    ["fault.kind", { fault: { kind: "explode" } }, "explode", /one of kill-node, /],
    ["fault.target", { fault: { kind: "kill-node", target: "any-liver" } }, "any-liver", /any-muscles/],
    ["fault.target", { fault: { kind: "kill-node", target: { organ: "liver" } } }, { organ: "liver" }, /any-node/],
    ["fault.target", { fault: { kind: "kill-node" } }, undefined, /any-node/],
    ["fault.target", { fault: { kind: "kill-nats", target: "any-node" } }, "any-node", /known are/],
    ["fault.ms", { fault: { kind: "block-loop", target: "any-node", ms: 61_000 } }, 61_000, /less than or equal/],
    ["fault.share", { fault: { kind: "fail-calls", target: "any-service", share: 2 } }, 2, /less than or equal/],
    [
      "fault.peer",
      { fault: { kind: "kill-node", target: "any-node", peer: "any-node" } },
      "any-node",
      /known are target/,
    ],
    ["fault.hard", { fault: { kind: "kill-node", target: "any-node", hard: true } }, true, /known are kind/],
    ["blastRadius.services", { blastRadius: { services: -1, nodes: 0 } }, -1, /dependents, all/],
    ["blastRadius.nodes", { blastRadius: { services: 0 } }, undefined, /from 0 to 1000/],
    ["stop[0].kind", { stop: [{ kind: "bored" }] }, "bored", /status-critical-for/],
    [
      "stop[1].ms",
      {
        stop: [
          { kind: "calls-failed", more: 1 },
          { kind: "not-healthy-for", ms: 1 },
        ],
      },
      1,
      /from 250/,
    ],
    ["steadyState.hypothesis", { steadyState: { checks: [] } }, undefined, /a text/],
    ["steadyState.checks", { steadyState: { hypothesis: "a", checks: [] } }, [], /1 to 10 checks/],
    [
      "steadyState.checks[0].is",
      { steadyState: { hypothesis: "a", checks: [{ kind: "status", is: ["fine"] }] } },
      ["fine"],
      /healthy, degraded/,
    ],
    ["steadyState.checks[0]", { steadyState: { hypothesis: "a", checks: [7] } }, 7, /an object/],
  ])("with a wrong %s names it, its value and what is allowed", (field, wrong, value, allowed) => {
    const errors = errorsOf({ ...experiment(), ...(wrong as object) });
    expect(errors).toContainEqual(
      value === undefined
        ? expect.objectContaining({ field, allowed: expect.stringMatching(allowed) })
        : { field, value, allowed: expect.stringMatching(allowed) },
    );
  });

  test("with several wrong fields names all of them", () => {
    const errors = errorsOf({ ...experiment(), name: 1, duration: 0, blastRadius: { services: 0, nodes: -1 } });
    expect(errors.map(({ field }) => field)).toEqual(["name", "duration", "blastRadius.nodes"]);
  });

  test("is taken or refused, and never throws, whatever is given", () => {
    const junk = fc.oneof(fc.anything(), fc.constantFrom(...Object.values(experiment())));
    const given = fc.oneof(
      fc.anything(),
      fc
        .record({
          field: fc.constantFrom(...Object.keys(experiment()), "more"),
          value: junk,
        })
        .map(({ field, value }) => ({ ...experiment(), [field]: value })),
      fc
        .record({ kind: fc.constantFrom(...FAULT_KINDS), target: junk, peer: junk, ms: junk, share: junk })
        .map((fault) => ({ ...experiment(), fault })),
    );
    fc.assert(
      fc.property(given, (one) => {
        const read = readExperiment(one);
        if ("experiment" in read) expect(read.experiment).toBe(one);
        else {
          expect(read.errors.length).toBeGreaterThan(0);
          for (const { field, allowed } of read.errors)
            expect([typeof field, typeof allowed]).toEqual(["string", "string"]);
        }
      }),
    );
  });

  test("that lacks any one field is refused by its name", () => {
    for (const name of Object.keys(experiment())) {
      const { [name as "name"]: _gone, ...rest } = experiment();
      expect(errorsOf(rest)).toEqual([expect.objectContaining({ field: name })]);
    }
  });
});

describe("a suite", () => {
  const suite = { name: "s", description: "Some.", experiments: ["a", "b"] };

  test("names experiments that there are", () => {
    expect(readSuite(suite, ["a", "b"])).toEqual({ suite });
    expect(readSuite(suite, ["a"])).toEqual({
      errors: [{ field: "experiments[1]", value: "b", allowed: "one of a" }],
    });
  });

  test("has a duration exactly where it draws at random", () => {
    expect(readSuite({ ...suite, order: "random" }, ["a", "b"])).toMatchObject({ errors: [{ field: "duration" }] });
    expect(readSuite({ ...suite, duration: 5000 }, ["a", "b"])).toMatchObject({ errors: [{ field: "duration" }] });
    expect(readSuite({ ...suite, order: "random", duration: 5000 }, ["a", "b"])).toHaveProperty("suite");
  });
});

describe("the experiments that are shipped", () => {
  test("can all be used, and the suites name them", () => {
    const { experiments, suites, problems } = readLibrary([join(HERE, "experiments"), join(HERE, "suites")]);
    expect(problems).toEqual([]);
    expect([...suites.keys()]).toEqual(["smoke", "storm"]);
    expect(suites.get("storm")).toMatchObject({ order: "random", duration: 20 * 60_000 });
    expect([...suites.get("storm")!.experiments].sort()).toEqual([...experiments.keys()].sort());
    const shipped = new Set([...experiments.values()].map(({ fault }) => fault.kind));
    expect([...shipped].sort()).toEqual([...FAULT_KINDS].sort());
  });
});

describe("a folder of experiments", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-chaos-"));
    mkdirSync(join(folder, "ours"));
    mkdirSync(join(folder, "theirs"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const put = (path: string, content: unknown) =>
    writeFileSync(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));

  test("may replace what is shipped, and its wrong files are named and stop nothing", () => {
    put("ours/one.json", experiment());
    put("theirs/one.json", experiment({ description: "Another." }));
    put("theirs/broken.json", "{");
    put("theirs/wrong.json", { ...experiment({ name: "wrong" }), duration: 1 });
    put("theirs/set.json", { name: "set", description: "All.", experiments: ["an-experiment", "wrong"] });
    put("theirs/notes.txt", "not ours");
    const library = readLibrary([join(folder, "ours"), join(folder, "theirs"), join(folder, "nowhere")]);
    expect([...library.experiments.values()]).toEqual([experiment({ description: "Another." })]);
    expect(library.problems).toEqual([
      { file: join(folder, "theirs/broken.json"), errors: [{ field: "", allowed: expect.stringContaining("JSON") }] },
      {
        file: join(folder, "theirs/wrong.json"),
        errors: [{ field: "duration", value: 1, allowed: expect.stringContaining("250") }],
      },
      {
        file: join(folder, "theirs/set.json"),
        errors: [{ field: "experiments[1]", value: "wrong", allowed: "one of an-experiment" }],
      },
    ]);
  });
});
