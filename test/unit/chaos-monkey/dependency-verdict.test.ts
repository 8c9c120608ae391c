import { describe, expect, test } from "@jest/globals";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import {
  dependencyFindings,
  mergePairs,
  pairsSince,
} from "../../../services/immune/chaos-monkey/dependency-verdict.ts";
import { service } from "./organism.ts";

const pair = (caller: string, callee: string, calls: number, errors = 0): CallPair => ({
  caller,
  callee,
  calls,
  errors,
});
const services = [
  service("api", "lungs-1", { dependencies: ["shop"], softDependencies: ["ads"] }),
  service("shop", "heart-1", { dependencies: ["stock"], softDependencies: ["ads"] }),
  service("stock", "heart-1"),
  service("ads", "brain-1"),
  service("monitor", "nervous-1", { runtimeSystem: true }),
];
const finding = (failed: string, pairs: CallPair[], ill: string[] = [], ever: CallPair[] = pairs) =>
  dependencyFindings(services, [{ failed, ill: new Set(ill), pairs }], ever).map(
    ({ from, to, declared, observed, verdict }) => `${from} → ${to}: ${declared}, ${observed}: ${verdict}`,
  );

describe("an edge", () => {
  test("is as declared where a hard one harms and a soft one does not", () => {
    expect(
      finding("stock", [pair("shop", "stock", 5, 5), pair("api", "shop", 5, 5), pair("cli", "api", 5, 5)]),
    ).toEqual(["shop → stock: hard, failed: "]);
    expect(finding("ads", [pair("shop", "ads", 5, 5), pair("api", "shop", 5), pair("cli", "api", 3)])).toEqual([
      "api → ads: soft, unharmed: ",
      "shop → ads: soft, unharmed: ",
    ]);
  });

  test("that is hard is soft in truth where its dependent answers all the same", () => {
    expect(finding("stock", [pair("shop", "stock", 5, 5), pair("api", "shop", 5), pair("cli", "api", 5)])).toEqual([
      "shop → stock: hard, unharmed: hard edge that is soft in truth",
    ]);
  });

  test("that is soft is hard in truth where its dependent is ill or fails", () => {
    expect(finding("ads", [pair("api", "shop", 5)], ["api"])).toContain(
      "api → ads: soft, degraded: soft edge that is hard in truth",
    );
    expect(finding("ads", [pair("shop", "ads", 1, 1), pair("api", "shop", 5, 1)])).toContain(
      "shop → ads: soft, failed: soft edge that is hard in truth",
    );
  });

  test("that nobody declares is found where it is called", () => {
    expect(finding("ads", [pair("stock", "ads", 2, 2), pair("shop", "stock", 2, 2)])).toContain(
      "stock → ads: no, failed: undeclared hard edge",
    );
    expect(finding("ads", [pair("stock", "ads", 2, 2), pair("shop", "stock", 2)])).toContain(
      "stock → ads: no, unharmed: undeclared soft edge",
    );
  });

  test("is not made up where somebody suffers through another", () => {
    expect(
      finding("stock", [pair("shop", "stock", 1, 1), pair("api", "shop", 1, 1), pair("cli", "api", 1, 1)], ["api"]),
    ).toEqual(["shop → stock: hard, failed: "]);
  });

  test("is found without a call where somebody is ill and has no way to it", () => {
    expect(finding("shop", [], ["ads"])).toContain("ads → shop: no, degraded: undeclared hard edge");
  });

  test("is not judged where nobody called", () => {
    expect(finding("stock", [])).toEqual(["shop → stock: hard, untested: not tested: nobody called it"]);
  });

  test("of a runtime system is none", () => {
    expect(finding("stock", [pair("monitor", "stock", 3, 3), pair("cli", "monitor", 3, 3)])).toEqual([
      "shop → stock: hard, untested: not tested: nobody called it",
    ]);
  });
});

describe("counts of calls", () => {
  test("of several nodes are added up", () => {
    expect(mergePairs([[pair("a", "b", 1)], [pair("a", "b", 2, 1), pair("c", "b", 1)]])).toEqual([
      pair("a", "b", 3, 1),
      pair("c", "b", 1),
    ]);
  });

  test("since a moment leave out what was before", () => {
    const before = [pair("a", "b", 3, 1), pair("c", "d", 2)];
    expect(pairsSince(before, [pair("a", "b", 5, 2), pair("c", "d", 2), pair("e", "f", 1, 1)])).toEqual([
      pair("a", "b", 2, 1),
      pair("e", "f", 1, 1),
    ]);
  });
});
