import { describe, expect, test } from "@jest/globals";
import { Errors } from "moleculer";
import { AzoraError } from "../../../runtime/errors.ts";
import { type Fate, fateOf } from "../../../runtime/failover/classify.ts";
import { TRANSPORT_LOST } from "../../../runtime/failover/pending.ts";

const ACTION = "ledger.add";
const TARGET = "heart-1";
const error = (type: string, data?: object, nodeID?: string) =>
  Object.assign(new Error(type), { type, data, ...(nodeID ? { nodeID } : {}) });

describe("what is known of a remote call that failed", () => {
  const cases: [string, unknown, Fate][] = [
    ["the bus was lost while it waited", error(TRANSPORT_LOST), "unknown"],
    ["its node died while it waited", new Errors.RequestRejectedError({ action: ACTION, nodeID: TARGET }), "unknown"],
    ["the socket to the node was closed", new AzoraError("SERVICE_UNAVAILABLE", "x", { neverSent: true }), "neverRun"],
    ["it could not be published", error("BAD_GATEWAY"), "neverRun"],
    [
      "the node no longer has the service",
      new Errors.ServiceNotFoundError({ action: ACTION, nodeID: TARGET }),
      "neverRun",
    ],
    [
      "the service there is stopping",
      error("SERVICE_NOT_AVAILABLE", { action: ACTION, nodeID: TARGET }, TARGET),
      "neverRun",
    ],
    ["a node that is not named does not have it", error("SERVICE_NOT_FOUND", { action: ACTION }), "neverRun"],
    [
      "a deeper call found no service",
      error("SERVICE_NOT_FOUND", { action: "other.get", nodeID: TARGET }, TARGET),
      "answered",
    ],
    [
      "a deeper call of the same action failed elsewhere",
      error("SERVICE_NOT_FOUND", { action: ACTION, nodeID: "heart-2" }, TARGET),
      "answered",
    ],
    [
      "a deeper call of the service lost its node",
      error("REQUEST_REJECTED", { action: "other.get" }, TARGET),
      "answered",
    ],
    ["a deeper call of the service lost the bus", error(TRANSPORT_LOST, undefined, TARGET), "answered"],
    ["a deeper call could not be published", error("BAD_GATEWAY", undefined, TARGET), "answered"],
    ["a deeper call was never sent", error("SERVICE_UNAVAILABLE", { neverSent: true }, TARGET), "answered"],
    ["the service says that it is unavailable", error("SERVICE_UNAVAILABLE", {}), "answered"],
    ["it took too long", new Errors.RequestTimeoutError({ action: ACTION, nodeID: TARGET }), "answered"],
    ["its parameters are wrong", new Errors.ValidationError("wrong"), "answered"],
    ["the service threw", new Error("boom"), "answered"],
  ];
  test.each(cases)("%s: %#", (_name, failure, fate) => {
    expect(fateOf(failure, ACTION, TARGET)).toBe(fate);
  });
});
