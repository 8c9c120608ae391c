import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { CompleteRule, RuleAction } from "../../../../../models/rules.ts";
import { checkRules } from "../../../../../runtime/rules/check-rules.ts";
import { findConflicts } from "../../../../../runtime/rules/conflicts/find-conflicts.ts";
import { asRule, fightOn, type PlayedRule, worksOf } from "./played-rules.ts";
import { cpu, ruleOf, when } from "./rule-of.ts";

const overload = ruleOf({ id: "overload", conditions: [when("brain.load", "greaterThan", 85)], actions: [cpu(20)] });
const idle = (value: number) =>
  ruleOf({ id: "idle", conditions: [when("brain.load", "lessThan", value)], actions: [cpu(-20)] });
const acting = (id: string, conditions: CompleteRule["conditions"], actions: RuleAction[]) =>
  ruleOf({ id, conditions, actions });
const nodes = (parameters: Record<string, unknown>, target = "brain"): RuleAction => ({
  type: "scaleSystem",
  target,
  parameters,
});

describe("two rules that push one lever to and fro", () => {
  test("are found where a step of one leads beyond the bound of the other", () => {
    const [conflict] = findConflicts([overload, idle(75)]);
    expect(conflict).toMatchObject({ kind: "chain", rules: ["overload", "idle"], lever: "cpu-share" });
    const load = conflict!.example["brain.load"]!;
    expect(load).toBeGreaterThan(85);
    expect(load / 1.2).toBeLessThan(75);
    expect(conflict!.why).toContain("their bounds lie too near to each other for steps of this size");
  });

  test("are none with bounds that are further apart than a step", () => {
    expect(findConflicts([overload, idle(60)])).toEqual([]);
    // Of less that there is already, a step is more.
    expect(findConflicts([overload, idle(68)])).toMatchObject([{ rules: ["idle", "overload"] }]);
  });

  test("are none where steps of different sizes come to rest between the bounds", () => {
    expect(findConflicts([{ ...overload, actions: [cpu(25)] }, idle(72)])).toEqual([]);
  });

  test("are none where processor time would have to go further than it does", () => {
    const far = ruleOf({ id: "far", conditions: [when("brain.load", "lessThan", 40)], actions: [cpu(-50)] });
    const up = ruleOf({ id: "up", conditions: [when("brain.load", "greaterThan", 90)], actions: [cpu(50)] });
    expect(findConflicts([up, far])).toEqual([]);
  });

  test("are found where a second node makes the first one superfluous, whether nodes are added or set", () => {
    const up = (more: object) => acting("up", [when("brain.load", "greaterThan", 80)], [nodes({ by: 1, ...more })]);
    const down = (below: number) => acting("down", [when("brain.load", "lessThan", below)], [nodes({ by: -1 })]);
    const [conflict] = findConflicts([up({}), down(45)]);
    expect(conflict).toMatchObject({ kind: "chain", rules: ["up", "down"], lever: "instances" });
    expect(conflict!.why).toContain("on 1 node,");
    expect(findConflicts([up({}), down(35)])).toEqual([]);
    const set = (id: string, to: number, condition: CompleteRule["conditions"][number]) =>
      acting(id, [condition], [nodes({ to })]);
    const busy = set("busy", 3, when("brain.load", "greaterThan", 80));
    expect(findConflicts([busy, set("calm", 2, when("brain.load", "lessThan", 60))])).toMatchObject([
      { kind: "chain" },
    ]);
    expect(findConflicts([busy, set("calm", 2, when("brain.load", "lessThan", 50))])).toEqual([]);
  });

  test("are none where no more nodes may be added, nor fewer be left", () => {
    const up = acting("up", [when("brain.load", "greaterThan", 80)], [nodes({ by: 1, most: 1 })]);
    const down = acting("down", [when("brain.load", "lessThan", 45)], [nodes({ by: -1, least: 8 })]);
    expect(findConflicts([up, down])).toEqual([]);
  });
});

describe("rules that set each other off through different levers and targets", () => {
  test("are found where each robs the other, with what makes the first one begin", () => {
    const [conflict, ...others] = findConflicts([
      acting("brain-first", [when("brain.load", "greaterThan", 80)], [cpu(-20, "heart")]),
      acting("heart-first", [when("heart.load", "greaterThan", 70)], [cpu(-20, "brain")]),
    ]);
    expect(others).toEqual([]);
    expect(conflict).toMatchObject({
      kind: "chain",
      rules: ["brain-first", "heart-first"],
      target: "heart",
      lever: "cpu-share",
      found: "calculated",
    });
    const { "brain.load": brain, "heart.load": heart } = conflict!.example as { [key: string]: number };
    expect([brain! <= 80, brain! / 0.8 > 80, heart! <= 70, heart! / 0.8 > 70]).toEqual([true, true, true, true]);
    expect(conflict!.why).toBe(
      `with work that alone makes brain.load ${brain}, heart.load ${heart}, once brain-first has become active at brain.load 90, ` +
        "what brain-first does to cpu-share of heart makes heart-first fire, and what heart-first does to cpu-share of brain makes " +
        "brain-first fire again; a bound of one of them that the one before it does not reach breaks the circle, and so does one " +
        "that acts on something else",
    );
  });

  test("are found in circles of three and four, each told of once and in order", () => {
    const organs = ["brain", "lungs", "heart", "stomach"];
    const ring = (length: number) =>
      organs
        .slice(0, length)
        .map((organ, i) =>
          acting(organ, [when(`${organ}.load`, "greaterThan", 80)], [cpu(-20, organs[(i + 1) % length])]),
        );
    const apart = [
      acting("errors", [when("brain.errorRate", "greaterThan", 5)], [{ type: "alert", target: "brain" }]),
      acting("idle", [when("brain.load", "lessThan", 20)], [cpu(-10)]),
    ];
    for (const length of [3, 4]) {
      const rules = ring(length);
      expect(findConflicts([...rules, ...apart])).toMatchObject([{ kind: "chain", rules: organs.slice(0, length) }]);
      expect(findConflicts(rules.toSpliced(1, 1))).toEqual([]);
      const clear = { ...rules[1]!, conditions: [when("lungs.errorRate", "greaterThan", 80)] };
      expect(findConflicts(rules.with(1, clear))).toEqual([]);
    }
  });

  test("are found by what a rule does beside that which it is there for", () => {
    const busy = acting("busy", [when("brain.load", "greaterThan", 80)], [cpu(25), cpu(-25, "heart")]);
    const late = acting("late", [when("heart.load", "greaterThan", 60)], [cpu(-25, "lungs")]);
    const full = acting("full", [when("lungs.saturation", "greaterThan", 80)], [cpu(-25, "stomach"), cpu(-50)]);
    expect(findConflicts([busy, late, full]).map(({ kind, rules }) => [kind, rules])).toEqual([
      ["opposed", ["busy", "full"]],
    ]);
    const alone = { ...busy, actions: [{ type: "alert", target: "brain" } as const, cpu(-25, "heart")] };
    expect(findConflicts([alone, late, full])).toMatchObject([{ rules: ["busy", "late", "full"] }]);
  });

  test("are none where a rule fires by itself anyhow, or only once after another", () => {
    const always = acting("always", [when("brain.load", "greaterThan", 80)], [cpu(-20, "heart")]);
    const helps = acting("helps", [when("heart.load", "greaterThan", 70)], [cpu(20, "heart")]);
    expect(findConflicts([always, helps])).toMatchObject([{ kind: "opposed" }]);
    const other = acting("other", [when("heart.load", "greaterThan", 70)], [cpu(20, "brain")]);
    expect(findConflicts([always, other])).toEqual([]);
  });

  test("are none through what nobody can foresee", () => {
    const full = acting("full", [when("brain.memoryUsage", "greaterThan", 80)], [cpu(-20, "heart")]);
    const heap = (target: string): RuleAction => ({
      type: "adjustResourceAllocation",
      target,
      parameters: { increaseMemory: -20 },
    });
    const busy = (id: string, action: RuleAction) => acting(id, [when("heart.load", "greaterThan", 70)], [action]);
    expect(findConflicts([full, busy("a", heap("brain"))])).toMatchObject([{ rules: ["full", "a"] }]);
    // Less memory is more load only where memory is what is busiest.
    const loaded = acting("loaded", [when("brain.load", "greaterThan", 80)], [cpu(-20, "heart")]);
    expect(findConflicts([loaded, busy("a", heap("brain"))])).toEqual([]);
    expect(findConflicts([full, busy("a", { type: "clearCache", target: "brain" })])).toEqual([]);
    expect(findConflicts([full, busy("a", { type: "throttle", target: "brain", parameters: { rate: 5 } })])).toEqual(
      [],
    );
  });

  test("through a single service are found where its organ is known", () => {
    const robs = (organ: string, other: string) =>
      acting(
        organ,
        [when(`${organ}.load`, "greaterThan", 80)],
        [{ type: "adjustResourceAllocation", target: other, parameters: { increaseCpu: -20 } }],
      );
    const rules = [robs("brain", "pump"), robs("heart", "brain")];
    const home = (isOnAllNodes: boolean) =>
      new Map([["pump", { organ: "heart", isScalable: true, isOnAllNodes } as const]]);
    expect(findConflicts(rules)).toEqual([]);
    expect(findConflicts(rules, { residences: home(false) })).toEqual([]);
    expect(findConflicts(rules, { residences: home(true) })).toMatchObject([{ kind: "chain", target: "heart" }]);
    const scale = (id: string, target: string, by: number, load: number): CompleteRule =>
      acting(
        id,
        [when("heart.load", by > 0 ? "greaterThan" : "lessThan", load)],
        [{ type: "scaleService", target, parameters: { by } }],
      );
    const nodesOf = [scale("up", "pump", 1, 80), scale("down", "heart", -1, 45)];
    expect(findConflicts(nodesOf)).toEqual([]);
    expect(findConflicts(nodesOf, { residences: home(false) })).toMatchObject([{ kind: "chain", lever: "instances" }]);
  });

  test("are not among the built-in rules, all together", () => {
    const folder = resolve(import.meta.dirname, "../../../../../rules/built-in");
    const files = readdirSync(folder).filter((name) => !name.endsWith(".test.json"));
    const given = files.flatMap((name) => {
      const file = JSON.parse(readFileSync(join(folder, name), "utf8"));
      return file.rules ?? file;
    });
    const { rules, faults } = checkRules(given);
    expect(faults).toEqual([]);
    expect(rules.length).toBeGreaterThan(28);
    expect(findConflicts(rules)).toEqual([]);
  });
});

describe("a search for circles among rules that hold in many ways", () => {
  test("stays short, and says that it was not ended", () => {
    const organs = ["brain", "heart", "lungs"];
    const keys = organs.flatMap((organ) => [`${organ}.load`, `${organ}.saturation`, `${organ}.queueDepth`]);
    const any = (seed: number) => ({
      any: keys.map((key, i) =>
        when(key, (i + seed) % 2 ? "greaterThan" : "lessThan", 20 + ((seed * 7 + i * 13) % 60)),
      ),
    });
    const rules = Array.from({ length: 60 }, (_, i) =>
      acting(
        `rule-${i}`,
        Array.from({ length: 8 }, (_none, j) => any(i + 3 * j)),
        [cpu(-20, organs[i % 3])],
      ),
    );
    let told = 0;
    const begin = performance.now();
    findConflicts(rules, { incomplete: () => told++ });
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(told).toBe(1);
  });
});

describe("what is found is what fights, by an interpreter of its own:", () => {
  const tens = [20, 40, 50, 70, 80, 90];
  const steps = [10, 25, 50];
  const each = <T>(...lists: T[][]): T[][] =>
    lists.reduce<T[][]>((all, list) => all.flatMap((one) => list.map((value) => [...one, value])), [[]]);

  const sets: Record<string, { sets: PlayedRule[][]; step: number; found: [least: number, none: number] }> = {
    "one lever to and fro": {
      step: 1,
      found: [100, 100],
      sets: each(tens, tens, steps, steps).map(([high, low, more, less]): PlayedRule[] => [
        { id: "up", reads: "brain.load", above: high!, cpu: { brain: more! } },
        { id: "down", reads: "brain.load", below: low!, cpu: { brain: -less! } },
      ]),
    },
    "nodes against processor time": {
      step: 5,
      found: [20, 30],
      sets: each(tens, tens, [1], [10, 50]).map(([high, low, by, less]): PlayedRule[] => [
        { id: "wide", reads: "brain.load", above: high!, nodes: { brain: by! } },
        { id: "low", reads: "brain.load", below: low!, cpu: { brain: -less! } },
      ]),
    },
    "two metrics of one organ": {
      step: 5,
      found: [20, 0],
      sets: each([40, 60, 80], [20, 60], [1, 2], [5, 25]).map(([high, low, by, less]): PlayedRule[] => [
        { id: "wide", reads: "brain.saturation", above: high!, nodes: { brain: by! } },
        { id: "low", reads: "brain.cpu", below: low!, cpu: { brain: -less! } },
      ]),
    },
    "two organs": {
      step: 5,
      found: [30, 0],
      sets: each([50, 70, 90], [50, 90], [10, 50], steps).map(([high, other, less, least]): PlayedRule[] => [
        { id: "a", reads: "brain.load", above: high!, cpu: { heart: -less! } },
        { id: "b", reads: "heart.load", above: other!, cpu: { brain: -least! } },
      ]),
    },
    "three organs": {
      step: 10,
      found: [16, 0],
      sets: each([60, 80], [60, 80], [60, 80], [10, 25]).map(([a, b, c, less]): PlayedRule[] => [
        { id: "a", reads: "brain.load", above: a!, cpu: { heart: -less! } },
        { id: "b", reads: "heart.load", above: b!, cpu: { lungs: -less! } },
        { id: "c", reads: "lungs.load", above: c!, cpu: { brain: -less! } },
      ]),
    },
    "three rules of two organs": {
      step: 10,
      found: [4, 10],
      sets: each([40, 80], [20, 70], [50, 90], [10, 50], [50]).map(([a, b, c, less, least]): PlayedRule[] => [
        { id: "a", reads: "brain.load", above: a!, nodes: { brain: 1 } },
        { id: "b", reads: "brain.load", below: b!, cpu: { heart: -less! } },
        { id: "c", reads: "heart.load", above: c!, cpu: { brain: -least! } },
      ]),
    },
  };

  test.each(Object.entries(sets))("%s", (_name, { sets: all, step, found }) => {
    const counts: [number, number] = [0, 0];
    for (const rules of all) {
      const [conflict] = findConflicts(rules.map(asRule));
      counts[conflict ? 0 : 1] += 1;
      const metrics = new Set(rules.map(({ reads }) => reads));
      // Where something is told, on the work that it tells; else on none. Rules that hold at once are tried elsewhere.
      const works = conflict ? [conflict.example] : worksOf([...metrics], step);
      const isFight = conflict?.kind === "opposed" || fightOn(rules, works);
      expect({ rules, isFight }).toEqual({ rules, isFight: conflict !== undefined });
    }
    expect(counts[0]).toBeGreaterThanOrEqual(found[0]);
    expect(counts[1]).toBeGreaterThanOrEqual(found[1]);
  });

  test("rules of which a full metric hides that a lever still moves", () => {
    const rules: PlayedRule[] = [
      { id: "fewer", reads: "brain.load", above: 60, nodes: { brain: -1 } },
      { id: "slow", reads: "brain.load", above: 80, cpu: { brain: 7, heart: 25 }, nodes: { brain: -1 } },
    ];
    const [conflict] = findConflicts(rules.map(asRule));
    expect(fightOn(rules, [conflict!.example])).toBe(true);
  });

  test("any rules, that they do fight where they are told of", () => {
    const percent = fc.constantFrom(-50, -20, -7, 5, 15, 50);
    const rule = fc.record(
      {
        reads: fc.constantFrom("brain.load", "heart.load", "brain.saturation"),
        bound: fc.integer({ min: 10, max: 95 }),
        isUp: fc.boolean(),
        brain: percent,
        heart: percent,
        nodes: fc.constantFrom(-2, -1, 1, 2),
      },
      { requiredKeys: ["reads", "bound", "isUp", "brain"] },
    );
    let chains = 0;
    fc.assert(
      fc.property(fc.array(rule, { minLength: 2, maxLength: 4 }), (given) => {
        const rules = given.map(
          ({ reads, bound, isUp, brain, heart, nodes: by }, i): PlayedRule => ({
            id: "abcd"[i]!,
            reads,
            ...(isUp ? { above: bound } : { below: bound }),
            cpu: heart === undefined ? { brain } : { heart, brain },
            ...(by === undefined ? {} : { nodes: { heart: by } }),
          }),
        );
        for (const { kind, rules: ids, example } of findConflicts(rules.map(asRule))) {
          if (kind !== "chain") continue;
          chains += 1;
          const own = rules.filter(({ id }) => ids.includes(id));
          expect(fightOn(own, [example])).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
    expect(chains).toBeGreaterThan(20);
  });
});
