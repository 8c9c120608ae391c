import { describe, expect, test } from "@jest/globals";
import { recordSourceOf } from "../../../services/immune/blockchain-logger/keys/record-source.ts";

const source = { node: "heart-1", instance: "i", epoch: 179_000_000, seq: 5 };

describe("the source of a captured entry", () => {
  test("stays readable beside what is sealed", () => {
    expect(recordSourceOf({ payload: {}, source })).toEqual(source);
    const more = { ...source, service: "shop", requestId: "r" };
    expect(recordSourceOf({ source: more })).toEqual(more);
  });

  test("is only what a recorder gives: whatever else somebody calls so may be personal", () => {
    for (const other of [
      undefined,
      null,
      "heart-1",
      [source],
      { node: "heart-1" },
      { ...source, email: "ada@example.org" },
      { ...source, seq: "5" },
      { ...source, node: { name: "ada" } },
    ])
      expect(recordSourceOf({ source: other })).toBeUndefined();
  });
});
