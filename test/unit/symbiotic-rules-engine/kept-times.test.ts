import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { CompleteRule } from "../../../models/rules.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { Columns } from "../../../runtime/rules/columns.ts";
import { RuleEvaluator } from "../../../runtime/rules/rule-evaluator.ts";
import { KeptTimes } from "../../../services/brain/symbiotic-rules-engine/kept-times.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const AT = Date.parse("2027-01-01T00:00:00Z");
const { rules: RULES } = checkRules([
  {
    id: "slow",
    for: 60_000,
    conditions: [{ system: "brain", metric: "load", operator: "greaterThan", value: 85 }],
    actions: [{ type: "alert", target: "organism" }],
  },
]) as { rules: CompleteRule[] };

describe("the times of rules, kept over a death of the engine", () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  /** How far the wall clock was set, and when the machine was started. */
  let set: number;
  let booted: number;
  let epoch: number | undefined;

  const engine = () => {
    const columns = new Columns();
    const wall = () => AT + clock.now() + set;
    const evaluator = new RuleEvaluator({ columns, wall });
    evaluator.load(RULES, clock.now());
    const kept = new KeptTimes({
      path,
      evaluator,
      epoch: () => epoch,
      clock,
      wall,
      uptime: () => clock.now() - booted,
    });
    const see = (value: number) => {
      columns.set(columns.column("brain", "load")!, value, clock.now());
      return evaluator.tick(clock.now()).fired.map(({ rule }) => rule.id);
    };
    return { evaluator, kept, see };
  };
  /** One that has seen the rule hold for 40 s when it is killed. */
  const killed = async () => {
    const one = engine();
    one.kept.takeUp();
    one.see(90);
    clock.advance(40_000);
    await one.kept.close();
  };
  const next = async () => {
    const one = engine();
    await one.kept.open();
    return { ...one, said: one.kept.takeUp(), heldFor: one.evaluator.why("slow", clock.now()).heldFor };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-times-"));
    path = join(folder, "organism", "rule-times.json");
    [clock, set, booted, epoch] = [new FakeClock(), 0, -1_000_000, 7];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("are gone on with by the next one, without the time between", async () => {
    await killed();
    clock.advance(3000);
    const { said, heldFor, see } = await next();
    expect([said, heldFor]).toEqual(["rules go on where they were 3 s ago", 40_000]);
    expect(see(90)).toEqual([]);
    clock.advance(19_999);
    expect(see(90)).toEqual([]);
    clock.advance(1);
    expect(see(90)).toEqual(["slow"]);
  });

  test("outlive several deaths, of which some come before the rules are judged again", async () => {
    await killed();
    clock.advance(3000);
    const second = engine();
    await second.kept.open();
    await second.kept.keep();
    await second.kept.close();
    clock.advance(3000);
    const third = await next();
    expect(third.heldFor).toBe(40_000);
    third.see(90);
    clock.advance(5000);
    await third.kept.close();
    expect((await next()).heldFor).toBe(45_000);
  });

  test("are not gone on with after long, after a restart of the machine, or where its clock was set", async () => {
    await killed();
    const restarted = "rules start as new: the machine was restarted, or its clock was set";
    const living = { set, booted };
    for (const [changed, said] of [
      [{ booted: clock.now() }, restarted],
      [{ set: 3_600_000 }, restarted],
      [{ set: -3_600_000 }, restarted],
    ] as const) {
      ({ set, booted } = { ...living, ...changed });
      expect(await next()).toMatchObject({ said, heldFor: 0 });
    }
    ({ set, booted } = living);
    clock.advance(10 * 60_000 + 1);
    expect(await next()).toMatchObject({ said: "rules start as new: for 600 s none were judged", heldFor: 0 });
  });

  test("count nothing twice where the clock was set back by a little", async () => {
    await killed();
    set = -1500;
    clock.advance(1000);
    expect(await next()).toMatchObject({ said: "rules go on where they were 0 s ago", heldFor: 40_000 });
  });

  test("are as if they were not there where the file is no such one", async () => {
    await killed();
    const text = readFileSync(path, "utf8");
    for (const broken of [
      "",
      text.slice(0, 40),
      "null",
      '{"rules":null,"rates":3}',
      "7",
      "[]",
      "\0".repeat(100),
      '{"rules":7}',
      '{"at":"x"}',
    ]) {
      writeFileSync(path, broken);
      expect(await next()).toMatchObject({ heldFor: 0 });
    }
    rmSync(path);
    expect(await next()).toMatchObject({ said: undefined, heldFor: 0 });
  });

  test("say under which orchestrator rules were judged", async () => {
    await killed();
    const { kept } = engine();
    expect(kept.wereJudged).toBe(false);
    await kept.open();
    const judged = [7, 8, undefined].map((heard) => {
      epoch = heard;
      return kept.wereJudged;
    });
    expect(judged).toEqual([true, false, false]);
  });

  test("cost nothing while nothing is under way, and leave nothing beside the file", async () => {
    const { kept, see } = engine();
    kept.takeUp();
    see(10);
    await kept.close();
    const { mtimeMs } = statSync(path);
    const written = readFileSync(path, "utf8");
    clock.advance(60_000);
    await kept.close();
    expect([statSync(path).mtimeMs, readFileSync(path, "utf8")]).toEqual([mtimeMs, written]);
    expect((await next()).said).toBeUndefined();
    see(90);
    await kept.close();
    expect(JSON.parse(readFileSync(path, "utf8")).rules).toHaveProperty("slow");
    expect(readdirSync(join(folder, "organism"))).toEqual(["rule-times.json"]);
  });

  test("that change while they are being written are written again", async () => {
    const { kept, see } = engine();
    kept.takeUp();
    see(90);
    const first = kept.keep();
    await Promise.resolve();
    clock.advance(60_000);
    expect(see(90)).toEqual(["slow"]);
    const second = kept.keep();
    await first;
    await second;
    expect(JSON.parse(readFileSync(path, "utf8")).rules.slow).toMatchObject({ fired: 0 });
  });

  test("are written each second, the more they are the rarer", async () => {
    const { kept, evaluator, see } = engine();
    kept.takeUp();
    see(90);
    let size = 0;
    evaluator.timings = () => ({ rules: {}, rates: { "brain.load/1000": "x".repeat(size) } });
    const writes = async (seconds: number) => {
      let many = 0;
      for (let second = 0; second < seconds; second++) {
        rmSync(path, { force: true });
        await kept.keep();
        if (existsSync(path)) many++;
        clock.advance(1000);
      }
      return many;
    };
    expect(await writes(10)).toBe(10);
    size = 2 ** 20;
    expect(await writes(12)).toBe(3);
  });

  test("that cannot be stored are told, until they are", async () => {
    writeFileSync(join(folder, "organism"), "no folder");
    const { kept, see } = engine();
    kept.takeUp();
    see(90);
    await kept.close();
    expect(kept.failure).toMatch(/EEXIST|ENOTDIR/);
    rmSync(join(folder, "organism"));
    await kept.close();
    expect(kept.failure).toBeUndefined();
  });
});
