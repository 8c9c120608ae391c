import { describe, expect, test } from "@jest/globals";
import { affected } from "../../../services/nervous/master-orchestrator/dev-watch.ts";

const services = [
  { name: "ledger", file: "/s/heart/ledger/ledger.service.ts" },
  { name: "vault", file: "/s/heart/vault.service.ts" },
  { name: "judge", file: "/s/brain/judge.service.ts" },
  { name: "plain", file: "/s/plain.service.ts" },
];
const of = (...changed: string[]) => affected(changed, services, "/s").sort();

describe("a changed file", () => {
  test("of a service restarts that service alone", () => {
    expect(of("/s/heart/vault.service.ts")).toEqual(["vault"]);
    expect(of("/s/heart/vault.service.ts", "/s/brain/judge.service.ts")).toEqual(["judge", "vault"]);
  });

  test("of a service that is not known yet restarts nobody", () => {
    expect(of("/s/heart/new.service.ts")).toEqual([]);
  });

  test("in a service's own folder restarts it", () => {
    expect(of("/s/heart/ledger/book.ts")).toContain("ledger");
    expect(of("/s/heart/ledger/parts/page.ts")).toContain("ledger");
    expect(of("/s/heart/ledger/book.ts")).not.toContain("judge");
  });

  test("that many share restarts those around it", () => {
    expect(of("/s/money.ts")).toEqual(["judge", "ledger", "plain", "vault"]);
    expect(of("/s/shared/money.ts")).toEqual(["judge", "ledger", "plain", "vault"]);
    expect(of("/s/brain/money.ts")).toEqual(["judge"]);
  });
});
