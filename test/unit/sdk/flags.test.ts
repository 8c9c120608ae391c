import { expect, test } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { flagsOf as flagsOfNode } from "../../../runtime/flags/flags.ts";
import { flagsOf } from "../../../sdk/flags.ts";

const broker = () => new ServiceBroker({ logger: false, skipProcessEventRegistration: true });

test("a service reads the flags of the node that it runs on", () => {
  const node = broker();
  flagsOfNode(node).take({ lease: 15_000, flags: [{ flag: "short-answers", value: true }] });
  expect(flagsOf(node).get("short-answers", false)).toBe(true);
  expect(flagsOf(node).get("pages", 10)).toBe(10);
  expect(flagsOf(node).all()).toEqual({ "short-answers": true });
});

test("outside an organism no flag is set", () => {
  const alone = broker();
  expect(flagsOf(alone).get("short-answers", false)).toBe(false);
  expect(flagsOf(alone).all()).toEqual({});
});
