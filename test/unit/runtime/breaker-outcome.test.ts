import { describe, expect, test } from "@jest/globals";
import { Errors } from "moleculer";
import { outcomeOf } from "../../../runtime/breaker/outcome.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { TRANSPORT_LOST } from "../../../runtime/failover/pending.ts";

const own = { action: "ledger.add", nodeID: "heart-1" };
const deeper = { action: "vault.open", nodeID: "heart-2" };
const caused = (cause: object) => Object.assign(new AzoraError("OUTCOME_UNKNOWN", "?", own), { cause });

describe("what a failed call says of the instance that was called", () => {
  test.each<[string, unknown]>([
    ["a time-out", new Errors.RequestTimeoutError(own)],
    ["a lost node", new Errors.RequestRejectedError(own)],
    ["an outcome that nobody knows", caused(new Errors.RequestRejectedError(own))],
  ])("%s: it was silent", (_what, error) => {
    expect(outcomeOf(error, "ledger.add")).toBe("silent");
  });

  test.each<[string, unknown]>([
    ["an error without a code", new Error("no such table")],
    ["an error of the server's side", new Errors.MoleculerServerError("broken", 500, "BROKEN")],
    ["a code of another kind", Object.assign(new Error("read"), { code: "EIO" })],
    ["nothing that is an error", undefined],
  ])("%s: the action broke", (_what, error) => {
    expect(outcomeOf(error, "ledger.add")).toBe("broke");
  });

  test.each<[string, unknown]>([
    ["a full queue", new Errors.QueueIsFullError(own)],
    ["an overload", new AzoraError("OVERLOADED", "too much to do", { action: "ledger.add" })],
  ])("%s: it has refused", (_what, error) => {
    expect(outcomeOf(error, "ledger.add")).toBe("refused");
  });

  test.each<[string, unknown]>([
    ["a client's mistake", new Errors.MoleculerClientError("no such account", 404, "NO_ACCOUNT")],
    ["a wrong parameter", new Errors.ValidationError("wrong")],
    ["a full queue of a deeper service", new Errors.QueueIsFullError(deeper)],
    ["a time-out of a deeper call", new Errors.RequestTimeoutError(deeper)],
    ["a deeper service that is absent", new Errors.ServiceNotAvailableError(deeper)],
    ["a deeper breaker that is open", new AzoraError("CIRCUIT_OPEN", "open", deeper)],
    ["an audit chain whose disk is full", new AzoraError("CHAIN_UNAVAILABLE", "the disk refuses")],
    ["an audit chain with too much to write", new AzoraError("CHAIN_BUSY", "10000 entries wait")],
    ["a deeper service in quarantine", new AzoraError("SERVICE_QUARANTINED", "ill", { service: "vault" })],
  ])("%s: it has answered", (_what, error) => {
    expect(outcomeOf(error, "ledger.add")).toBe("answered");
  });

  test.each<[string, unknown]>([
    ["the loss of the whole bus", Object.assign(new Error("lost"), { type: TRANSPORT_LOST })],
    ["an outcome that is unknown because the bus was lost", caused({ type: TRANSPORT_LOST })],
    ["an instance that has left", new Errors.ServiceNotFoundError(own)],
    ["a call that was never sent, as there was no bus", new Errors.MoleculerRetryableError("lost", 502, "BAD_GATEWAY")],
  ])("%s: nothing", (_what, error) => {
    expect(outcomeOf(error, "ledger.add")).toBe("nothing");
  });
});
