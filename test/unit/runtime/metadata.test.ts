import { describe, expect, test } from "@jest/globals";
import { checkMetadata, show } from "../../../runtime/discovery/metadata.ts";

describe("a service's metadata", () => {
  test("may hold every field of the design, and members of the service's own", () => {
    const metadata = {
      organ: "heart",
      launchPhase: 0,
      priority: "critical",
      capabilities: ["money"],
      description: "",
      aliases: ["wallet"],
      softDependencies: [],
      externalDependencies: ["legacy"],
      singleton: true,
      isolate: false,
      startupTimeout: 1,
      healing: {},
      audited: ["paid"],
      $own: 1,
      region: "eu",
    };
    expect(checkMetadata(metadata)).toEqual([]);
    expect(checkMetadata(undefined)).toEqual([]);
    expect(checkMetadata({ audited: true, singleton: undefined })).toEqual([]);
  });

  test.each([
    ["organ", "liver", "must be one of brain, heart, lungs, stomach, muscles, immune, nervous"],
    ["launchPhase", 7, "must be a whole number from 0 to 6"],
    ["launchPhase", -1, "must be a whole number from 0 to 6"],
    ["launchPhase", 1.5, "must be a whole number from 0 to 6"],
    ["launchPhase", "1", "must be a whole number from 0 to 6"],
    ["priority", "urgent", "must be one of critical, high, medium, low"],
    ["capabilities", "money", "must be a list of names"],
    ["aliases", [""], "must be a list of names"],
    ["softDependencies", [1], "must be a list of names"],
    ["externalDependencies", true, "must be a list of names"],
    ["description", 5, "must be a text"],
    ["singleton", "yes", "must be true or false"],
    ["isolate", 1, "must be true or false"],
    ["startupTimeout", 0, "must be milliseconds, from 1 to 3600000"],
    ["startupTimeout", 3_600_001, "must be milliseconds, from 1 to 3600000"],
    ["healing", null, "must be an object"],
    ["audited", false, "must be true, or a list of at most 100 event names or rules"],
  ])("is refused where %s is %j", (field, value, remedy) => {
    expect(checkMetadata({ [field]: value })).toEqual([
      { field: `metadata.${field}`, problem: `is ${show(value)}`, remedy },
    ]);
  });

  test.each([
    ["launchphase", "launchPhase"],
    ["softDependencis", "softDependencies"],
    ["organs", "organ"],
    ["singelton", "singleton"],
  ])("is refused where %s is misspelt", (field, meant) => {
    expect(checkMetadata({ [field]: 1 })).toEqual([
      { field: `metadata.${field}`, problem: "is not known", remedy: `did you mean ${meant}?` },
    ]);
  });

  test.each([null, [], "x", 5])("is refused where it is %j", (metadata) => {
    expect(checkMetadata(metadata)).toMatchObject([{ field: "metadata", remedy: "must be an object" }]);
  });

  test("may have members that are named like an object's own methods", () => {
    expect(checkMetadata(JSON.parse('{"constructor": 1, "toString": 2, "__proto__": 3}'))).toEqual([]);
  });

  test.each([
    [["order.*", { event: "page.**", grade: "best-effort", subject: "user.id|id" }], []],
    [[{ event: "stock.level", changesOf: "level" }], []],
    [["order placed"], ["metadata.audited[0]"]],
    [[""], ["metadata.audited[0]"]],
    [["$node.connected"], ["metadata.audited[0]"]],
    [[{ grade: "durable" }], ["metadata.audited[0].event"]],
    [["a", { event: "b", grade: "certain" }], ["metadata.audited[1].grade"]],
    [[{ event: "b", subjekt: "id" }], ["metadata.audited[0].subjekt"]],
    [[{ event: "b", subject: "user..id" }], ["metadata.audited[0].subject"]],
    [[7], ["metadata.audited[0]"]],
  ])("says of audited events %j: %j are wrong", (audited, fields) => {
    expect(checkMetadata({ audited }).map(({ field }) => field)).toEqual(fields);
  });
});
