import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { type StoreService, store } from "../../../mixins/store/store.ts";
import { ruleVersionModel } from "../../../models/rule-version.model.ts";
import { symbioticRuleModel } from "../../../models/symbiotic-rule.model.ts";
import { checkRules } from "../../../runtime/rules/check-rules.ts";
import { RuleBook } from "../../../services/brain/symbiotic-rules-engine/rule-store/rule-book.ts";
import { RuleFiles } from "../../../services/brain/symbiotic-rules-engine/rule-store/rule-files.ts";
import { RuleLibrary } from "../../../services/brain/symbiotic-rules-engine/rule-store/rule-library.ts";
import { writeFiles } from "../../support/write-files.ts";

const rule = (id: string, value = 80) => ({
  id,
  conditions: [{ system: "heart", metric: "load", operator: "greaterThan", value }],
  actions: [{ type: "alert", target: "heart" }],
});
const AT = Date.parse("2027-01-01T00:00:00Z");

describe("the library of rules", () => {
  let folder: string;
  let broker: ServiceBroker;
  let service: StoreService;
  let library: RuleLibrary;
  let targets: string[];
  let own: string[];

  /** As after a start of the process. */
  const opened = async () => {
    const check = (input: unknown, known: readonly string[] = []) => checkRules(input, { own, targets: known });
    const files = new RuleFiles(
      [
        { path: join(folder, "shipped"), origin: "built-in", shown: "shipped" },
        { path: join(folder, "rules"), origin: "file", shown: "rules" },
      ],
      check,
    );
    const book = new RuleBook(service, () => AT);
    const made = new RuleLibrary(
      book,
      files,
      check,
      () => targets,
      () => own,
    );
    await Promise.all([book.open(), files.read()]);
    made.refresh();
    return made;
  };
  const refusal = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason as { type: string; message: string },
    );
    return `${error?.type}: ${error?.message}`;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rule-library-"));
    own = [];
    targets = [];
    process.env["AZORA_DATA_DIR"] = folder;
    broker = new ServiceBroker({ logger: false });
    service = broker.createService({
      name: "library",
      mixins: [store(symbioticRuleModel, { collections: [ruleVersionModel] as never })],
    } as never) as StoreService;
    await broker.start();
    writeFiles(folder, {
      "shipped/a.json": JSON.stringify(rule("shipped")),
      "rules/b.json": JSON.stringify(rule("mine")),
    });
    library = await opened();
  });
  afterEach(async () => {
    await broker.stop();
    delete process.env["AZORA_DATA_DIR"];
    rmSync(folder, { recursive: true });
  });

  test("a rule of the API is there after a restart, and each of its versions can be had back", async () => {
    await library.put(rule("new", 80), "operator");
    await library.put(rule("new", 60), "operator");
    library = await opened();
    expect(library.get("new")).toMatchObject({ origin: "api", version: 2, rule: { conditions: [{ value: 60 }] } });
    await library.restore("new", 1, "operator");
    expect(library.get("new")).toMatchObject({ version: 3, rule: { conditions: [{ value: 80 }] } });
    expect(await library.versions("new")).toMatchObject([
      { number: 3, change: "restored from 1", by: "operator", at: "2027-01-01T00:00:00.000Z" },
      { number: 2, change: "changed" },
      { number: 1, change: "added" },
    ]);
    expect(await refusal(library.restore("new", 9, "operator"))).toBe(
      "NOT_FOUND: new has no version 9 with a text; there are 3, 2, 1",
    );
  });

  test("a removed rule is gone, and comes back from its versions", async () => {
    await library.put(rule("new"), "operator");
    expect(await library.remove("new", "operator")).toBeUndefined();
    expect(() => library.get("new")).toThrow("There is no rule new");
    await library.restore("new", 1, "operator");
    expect((await opened()).get("new")).toMatchObject({ version: 3 });
  });

  test("a file's rule can be disabled and put into shadow, but not rewritten or removed", async () => {
    await library.change("mine", { enabled: false }, "operator");
    await library.change("mine", { mode: "shadow" }, "operator");
    library = await opened();
    expect(library.get("mine")).toMatchObject({
      origin: "file",
      file: "rules/b.json",
      version: 2,
      rule: { enabled: false, mode: "shadow" },
    });
    expect(await refusal(library.put(rule("mine"), "operator"))).toBe(
      "CONFLICT: mine stands in rules/b.json; change it there, or give this one another id",
    );
    // What the API has changed of it can be taken back; the rule itself cannot.
    expect(await library.remove("mine", "operator")).toMatchObject({ origin: "file", file: "rules/b.json" });
    expect(library.get("mine").rule).toMatchObject({ enabled: true, mode: "on" });
    expect(await refusal(library.remove("mine", "operator"))).toBe(
      "CONFLICT: mine stands in rules/b.json; remove it there, or disable it",
    );
  });

  test("a built-in rule gives way to one of the API, and is there again when that is removed", async () => {
    await library.put(rule("shipped", 50), "operator");
    expect(library.get("shipped")).toMatchObject({ origin: "api", file: "shipped/a.json" });
    await library.remove("shipped", "operator");
    expect(library.get("shipped")).toMatchObject({ origin: "built-in" });
    expect(await refusal(library.remove("shipped", "operator"))).toBe("CONFLICT: shipped is built in; disable it");
  });

  test("a rule with faults is refused with all of them, and nothing is changed", async () => {
    await library.put(rule("new"), "operator");
    const bad = { ...rule("new"), cooldown: -1, conditions: [{ system: "hart", metric: "laod", operator: "above" }] };
    const said = await refusal(library.put(bad, "operator"));
    for (const word of ["cooldown is -1", "did you mean heart?", "did you mean load?", "conditions[0].operator"]) {
      expect(said).toContain(word);
    }
    expect(library.get("new").version).toBe(1);
  });

  test("a target that is not there is refused in a new rule, and told of in one that is running", async () => {
    await library.put({ ...rule("new"), actions: [{ type: "heal", target: "shop" }] }, "operator");
    targets = ["shops", "heart-1"];
    expect(library.faults).toEqual([expect.objectContaining({ rule: "new", path: "actions[0].target" })]);
    library.refresh();
    expect(library.get("new").origin).toBe("api");
    const next = { ...rule("next"), actions: [{ type: "heal", target: "shop" }] };
    expect(await refusal(library.put(next, "operator"))).toContain("did you mean shops?");
  });

  test("an own metric that nobody publishes is told of as soon as one with a near name is published", async () => {
    const conditions = [{ system: "heart", metric: "tilll.x", operator: "greaterThan", value: 1 }];
    await library.put({ ...rule("new"), conditions }, "operator");
    expect(library.warnings).toEqual([]);
    own = ["heart.till.x"];
    expect(library.faults).toEqual([]);
    expect(library.warnings).toMatchObject([
      { rule: "new", detail: expect.stringMatching(/did you mean heart\.till\.x\?/) },
    ]);
    own = ["heart.till.x", "heart.tilll.x"];
    expect(library.warnings).toEqual([]);
  });

  test("of more rules than there is room for in all, those of files give way, and a new one is refused", async () => {
    const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => rule(`r${from + index}`));
    writeFiles(folder, { "rules/c.json": JSON.stringify(many(0, 9_998)) });
    library = await opened();
    expect([library.rules.size, library.faults]).toEqual([10_000, []]);
    expect(await refusal(library.put(rule("new"), "operator"))).toContain(
      "there are 10001 rules, but at most 10000 may be",
    );
    await library.put(rule("shipped", 70), "operator");
    writeFiles(folder, { "rules/d.json": JSON.stringify(many(20_000, 5)) });
    library = await opened();
    expect(library.rules.size).toBe(10_000);
    expect(library.get("shipped").origin).toBe("api");
    expect(library.faults).toEqual([expect.objectContaining({ detail: expect.stringContaining("10005 rules") })]);
  });

  test("an unknown rule is answered with the nearest", () => {
    expect(() => library.get("shiped")).toThrow("There is no rule shiped; did you mean shipped?");
  });

  test("a rule can be made quiet where nothing can be stored, and not made louder; after a start it is as before", async () => {
    writeFiles(folder, { "rules/a.json": JSON.stringify(rule("one")) });
    library = await opened();
    await library.put(rule("two"), "operator");
    const { transaction } = service;
    service.transaction = () =>
      Promise.reject(Object.assign(new Error("the disk is full"), { type: "STORE_UNAVAILABLE" }));
    expect(await refusal(library.change("one", { enabled: false }, "operator"))).toBe(
      "STORE_UNAVAILABLE: one is disabled now, but after a restart of the engine it is as before: the disk is full",
    );
    expect(await refusal(library.change("two", { mode: "shadow" }, "operator"))).toBe(
      "STORE_UNAVAILABLE: two is mode shadow now, but after a restart of the engine it is as before: the disk is full",
    );
    expect([library.get("one").rule.enabled, library.get("two").rule.mode]).toEqual([false, "shadow"]);
    expect(await refusal(library.change("one", { enabled: true }, "operator"))).toBe(
      "STORE_UNAVAILABLE: the disk is full",
    );
    expect(library.get("one").rule.enabled).toBe(false);
    service.transaction = transaction;
    library = await opened();
    expect([library.get("one").rule.enabled, library.get("two").rule.mode]).toEqual([true, "on"]);
  });
});
