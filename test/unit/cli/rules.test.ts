import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { UsageError } from "../../../cli/command.ts";
import { checkText } from "../../../cli/commands/rules/add.ts";
import { executionText } from "../../../cli/commands/rules/executions.ts";
import { listText, showText } from "../../../cli/commands/rules/list.ts";
import { replayText } from "../../../cli/commands/rules/replay.ts";
import { whyText } from "../../../cli/commands/rules/rule-words.ts";
import { rules } from "../../../cli/commands/rules.ts";
import type { ExecutionResult, RuleWhy } from "../../../models/rule-results.ts";
import type { RuleView } from "../../../models/rule-view.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { cpu, ruleOf, when } from "../runtime/rules/conflicts/rule-of.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const rule = ruleOf({ id: "overload", conditions: [when("brain.load", "greaterThan", 85)], actions: [cpu(20)] });
const view: RuleView = { ...rule, origin: "api", version: 2, active: false, lastFired: null, faults: [], warnings: [] };
const why: RuleWhy = {
  rule: "overload",
  at: "2026-11-20T15:00:00.000Z",
  result: "did not fire",
  why: "brain.load is 40 %, not greater than 85 %.",
  conditions: [
    {
      path: "conditions[0]",
      text: "brain.load is greater than 85 %",
      truth: "false",
      read: [{ system: "brain", metric: "load", value: 40.123, age: 740 }],
    },
  ],
  cooldownLeft: 12_300,
  heldFor: 0,
};

describe("rules on the command line", () => {
  test("are listed with their state, and their faults below", () => {
    const fault = { rule: "odd", path: "for", detail: "for is -1" };
    const odd = { ...view, id: "odd", enabled: false, faults: [fault] };
    const unread = { rule: "", path: "", detail: "cannot be read: no JSON", file: "rules/late.json" };
    const states = [
      { ...view, expires: "2999-01-01T00:00:00Z" },
      { ...view, active: true },
      { ...view, mode: "shadow" as const },
      { ...view, enabled: false },
      { ...view, expires: "2026-01-01T00:00:00Z" },
    ];
    const text = listText([...states, odd], [{ ...fault, file: "rules/odd.json" }, unread], false);
    const lines = stripVTControlCharacters(text).split("\n");
    expect(lines.slice(1, 7).map((line) => line.split(/\s{2,}/)[1])).toEqual([
      "on",
      "active",
      "shadow",
      "disabled",
      "expired",
      "disabled (faulty)",
    ]);
    expect(lines.slice(7)).toEqual([
      "  fault  rules/odd.json, odd: for is -1",
      "  fault  rules/late.json: cannot be read: no JSON",
    ]);
    expect(stripVTControlCharacters(listText([], [unread], false)).split("\n")).toEqual([
      "there are no rules",
      "  fault  rules/late.json: cannot be read: no JSON",
    ]);
  });

  test("that fight are told of in their order, and that not all was looked at", () => {
    const chain = (rules: string[]) => ({
      kind: "chain" as const,
      rules,
      target: "heart",
      lever: "cpu-share",
      example: { "brain.load": 90 },
      found: "calculated" as const,
      why: "they do",
    });
    const conflicts = [chain(["b", "a"]), chain(["c", "a", "b"])];
    const text = checkText(3, { faults: [], conflicts, complete: false }, true);
    expect(stripVTControlCharacters(text).split("\n")).toEqual([
      "  chain  b and a: they do",
      "  chain  c, a and b: they do",
      "  there are too many rules to look at all that they could do to each other",
      "3 rules checked by the running organism: 0 faults, 2 conflicts",
    ]);
  });

  test("that most likely misspell a name are listed with it", () => {
    const detail = 'conditions[0].metric is "tilll.x", which nobody in heart publishes; did you mean heart.till.x?';
    const warned = { ...view, warnings: [{ rule: view.id, path: "conditions[0].metric", detail }] };
    const line = `  warning  overload: ${detail}`;
    expect(
      stripVTControlCharacters(listText([warned], [], false))
        .split("\n")
        .at(-1),
    ).toBe(line);
    expect(stripVTControlCharacters(showText(warned)).split("\n")[1]).toBe(line);
    const checked = checkText(2, { faults: [], warnings: warned.warnings, conflicts: [] }, true);
    expect(stripVTControlCharacters(checked).split("\n")).toEqual([
      line,
      "2 rules checked by the running organism: nothing wrong, 1 warning",
    ]);
  });

  test("that are built in are listed where they did something or were changed, and all of them on demand", () => {
    const quiet = { ...view, id: "quiet", origin: "built-in" as const };
    const others = [{ ...quiet, id: "fired", lastFired: why.at }, { ...quiet, id: "off", enabled: false }, view];
    const text = listText([quiet, ...others], [], false);
    expect(text.split("\n")).toHaveLength(5);
    expect(text).toContain("1 built-in rule is on and has not fired; --all shows it");
    expect(listText([quiet], [], false)).toBe("1 built-in rule is on and has not fired; --all shows it");
    expect(listText([quiet, ...others], [], true).split("\n")).toHaveLength(5);
    expect(listText([], [], true)).toBe("there are no rules");
  });

  test("are shown as they may stand in a file, with their versions", () => {
    const versions = [{ ruleId: "overload", number: 2, rule: null, change: "shadow", by: "ada", at: why.at }];
    const text = stripVTControlCharacters(showText({ ...view, versions }));
    const json = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
    expect(ruleOf(JSON.parse(json))).toEqual(rule);
    expect(text).toContain("version 2  2026-11-20 15:00:00  shadow by ada  (now)");
  });

  test("are told why with the values read and their age", () => {
    expect(stripVTControlCharacters(whyText(why)).split("\n")).toEqual([
      "overload  did not fire",
      "  brain.load is 40 %, not greater than 85 %.",
      "  false  brain.load is greater than 85 %  (40.12, 0.7 s old)",
      "  may fire again in 13 s",
    ]);
  });

  test("that are active are told so, since when, and not that they did not fire at this moment", () => {
    const active = { ...why, activeSince: "2026-11-20T14:57:55.000Z" };
    expect(stripVTControlCharacters(whyText(active)).split("\n")[0]).toBe(
      "overload  active since 2026-11-20 14:57:55 UTC, for 2 min 5 s",
    );
  });

  test("are told with what they did and what came of it", () => {
    const effect = { metric: "brain.load", before: 90, after: 71.256, verdict: "better" as const, rolledBack: false };
    const action = { type: "adjustResourceAllocation", target: "brain", status: "done", what: "a fifth more", effect };
    const result = { id: "1", rule: "overload", at: why.at, mode: "on", why, actions: [action] } as ExecutionResult;
    expect(stripVTControlCharacters(executionText(result)).split("\n").slice(1)).toEqual([
      "  done  adjustResourceAllocation brain: a fifth more",
      "    brain.load: 90 → 71.26, better",
    ]);
  });

  test("say so where nothing was recorded", () => {
    const nothing = {
      firings: [],
      ended: [],
      conflicts: [],
      unknownShare: 0,
      rows: 0,
      from: null,
      to: null,
      dropped: 0,
    };
    expect(replayText(nothing)).toBe("nothing was recorded in that time");
  });
});

describe("what is asked of the organism", () => {
  const asked: { call: string; body: unknown }[] = [];
  let said = "";
  let isFromFile = false;
  let server: Server;
  /** What any of the commands needs of an answer. */
  const everything = { ...view, rule: "overload", at: why.at, actions: [], why, from: null, to: null };
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const call = `${request.method} ${request.url}`;
      if (request.url !== "/live") asked.push({ call, body: text === "" ? undefined : JSON.parse(text) });
      const isCheck = request.url?.endsWith("/check");
      const isRemove = request.url?.endsWith("/remove");
      response.setHeader("content-type", "application/json");
      const removed = { removed: "a", remains: isFromFile ? { ...view, file: "rules/a.json" } : null };
      response.end(JSON.stringify(isCheck ? { faults: [], conflicts: [] } : isRemove ? removed : everything));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterAll(() => new Promise((done) => server.close(done)));

  async function azora(name: string, args: string[], options: Record<string, string | boolean> = {}): Promise<number> {
    const { port } = server.address() as AddressInfo;
    const settings = readSettings({ AZORA_ORCHESTRATOR_PORT: String(port) }, tmpdir());
    const command = rules.commands.find((one) => one.name === name)!;
    asked.length = 0;
    const out = (text: string) => {
      said = text;
    };
    return command.run({ settings, args, options, out });
  }

  const file = join(ROOT, "rules/built-in/custom-brain-protection.json");
  const checked = {
    call: "POST /api/organism/rules/check",
    body: { rules: [{ id: "custom-brain-protection" }] },
  };
  const change = "POST /api/organism/rules/a%2Fb/change";
  test.each([
    ["enable", ["a/b"], {}, [{ call: change, body: { enabled: true, mode: "on" } }]],
    ["shadow", ["a/b"], {}, [{ call: change, body: { enabled: true, mode: "shadow" } }]],
    ["disable", ["a/b"], {}, [{ call: change, body: { enabled: false } }]],
    ["restore", ["a", "3"], {}, [{ call: "POST /api/organism/rules/a/restore", body: { version: 3 } }]],
    ["remove", ["a"], {}, [{ call: "POST /api/organism/rules/a/remove", body: {} }]],
    ["run", ["a"], { wait: true }, [{ call: "POST /api/organism/rules/execute", body: { rule: "a", wait: true } }]],
    [
      "add",
      [file],
      { shadow: true },
      [checked, { call: "POST /api/organism/rules", body: { rule: { mode: "shadow" } } }],
    ],
    ["check", [file], {}, [checked]],
    ["check", [file], { offline: true }, []],
    ["replay", [file], {}, [{ call: "POST /api/organism/rules/replay", body: { step: 1000 } }]],
    ["replay", [], { since: "2h" }, [{ call: "POST /api/organism/rules/replay", body: { step: 60_000 } }]],
  ])("is, for %s %j %j, what the engine offers", async (name, args, options, calls) => {
    expect(await azora(name, args, options)).toBe(0);
    expect(asked).toMatchObject(calls);
    expect(asked).toHaveLength(calls.length);
  });

  test.each(["check", "add"])(
    "is nothing, for %s of what no request can carry: all of it is told here",
    async (name) => {
      const folder = mkdtempSync(join(tmpdir(), "rules-"));
      const path = join(folder, "bad.json");
      const bad = (id: string, value: string, more = "") =>
        `{"id":"${id}","conditions":[{"system":"brain","metric":"load","operator":"greaterThan","value":${value}}],"actions":[{"type":"alert","target":"brain"}]${more}}`;
      writeFileSync(path, `[${bad("far", "1e300")},${bad("beyond", "1e999")},${bad("odd", "5", ',"coldown":1')}]`);
      expect(await azora(name, [path])).toBe(1);
      rmSync(folder, { recursive: true });
      expect(asked).toEqual([]);
      const lines = stripVTControlCharacters(said).split("\n");
      expect(lines.slice(0, 3)).toEqual([
        "  fault  far: conditions[0].value is 1e+300, but must be a number from 0 to 100 %",
        "  fault  beyond: conditions[0].value is Infinity, but must be a number from 0 to 100 %",
        expect.stringMatching(/^ {2}fault {2}odd: coldown is not known here.*did you mean cooldown\?$/),
      ]);
    },
  );

  test("is told apart: a rule that is gone, and one that is again as it stands in its file", async () => {
    await azora("remove", ["a"]);
    expect(said).toBe("a is removed");
    isFromFile = true;
    await azora("remove", ["a"]);
    isFromFile = false;
    expect(stripVTControlCharacters(said)).toBe("a is again as it stands in rules/a.json: on");
  });

  test.each([
    ["restore", ["a", "first"], {}, /the version is "first", but must be a whole number/],
    ["replay", [], { since: "soon" }, /--since is "soon", but must be a time from 1s to 1d/],
    ["replay", [], { recorded: "x.json" }, /--recorded needs the rules' file/],
    ["executions", [], { limit: "0" }, /--limit is "0", but must be a whole number from 1 to 1000/],
    ["test", ["nowhere"], {}, /there is nothing at .*nowhere/],
    ["check", ["nowhere"], {}, /there is nothing at .*nowhere/],
  ])("is refused as wrong usage: %s %j %j", async (name, args, options, message) => {
    const refused = await azora(name, args, options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toMatch(message);
    expect(asked).toEqual([]);
  });
});
