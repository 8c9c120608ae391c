import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { toProblem } from "../../../runtime/errors.ts";
import { AzoraAutoHealer } from "../../../sdk/auto-healer.ts";
import { knownService } from "../../support/topology.ts";
import { FakeOrganism } from "../auto-healer/fake-organism.ts";

/** As it stands on the reference pages. */
const example = {
  id: "restart-web-service",
  service: "web-service",
  actionType: "restart",
  priority: "high",
  parameters: { force: true },
  timeout: 30000,
} as const;

let organism: FakeOrganism;
let server: Server;
let url: string;

/** The two routes as the orchestrator has them. */
beforeEach(async () => {
  organism = new FakeOrganism();
  organism.services = [knownService("web-service")];
  await organism.start();
  server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.url === "/live") return answer(200, { status: "healthy" });
    if (request.url!.startsWith("/orchestrator/healing-history")) return answer(200, organism.history.toReversed());
    if (request.headers.authorization !== "Bearer secret")
      return answer(401, { code: "UNAUTHORIZED", detail: "no token" });
    try {
      return answer(200, await organism.call("execute", JSON.parse(text)));
    } catch (error) {
      const problem = toProblem(error, "r1");
      return answer(problem.status, problem);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await organism.stop();
});

describe.each([
  ["HTTP", () => new AzoraAutoHealer({ url, token: "secret" })],
  ["the bus", () => new AzoraAutoHealer({ broker: organism.broker as never })],
])("over %s", (_way, make) => {
  test("the example runs as printed, and what was done is listed", async () => {
    const healer = make();
    await healer.initialize();
    expect(await healer.executeHealingAction(example)).toMatchObject({
      id: "restart-web-service",
      success: true,
      observed: { before: "ill", after: "healthy" },
      duration: expect.any(Number),
      reason: "it was seen",
    });
    expect(organism.orders).toMatchObject([{ action: "restart", parameters: { force: true } }]);
    expect(await healer.getRecentHealingActions(5)).toMatchObject([{ id: "restart-web-service", by: "operator" }]);
    await healer.shutdown();
    await expect(healer.executeHealingAction(example)).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("what is refused comes as an error with its code", async () => {
    const healer = make();
    await expect(healer.executeHealingAction(example)).rejects.toThrow("call initialize() first");
    await healer.initialize();
    await expect(healer.executeHealingAction({ ...example, service: "web-servise" })).rejects.toMatchObject({
      name: "AutoHealerError",
      code: "SERVICE_UNKNOWN",
      status: 404,
      message: expect.stringContaining("did you mean web-service?"),
    });
    await expect(healer.executeHealingAction({ ...example, timeout: -5 })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [expect.objectContaining({ field: "timeout" })],
    });
    await expect(healer.getRecentHealingActions(0)).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    await healer.shutdown();
  });
});

test("without options it is the organism of this folder, by its port and its token", async () => {
  process.env["AZORA_ORCHESTRATOR_PORT"] = new URL(url).port;
  writeFileSync(join(organism.folder, "operator.token"), "secret\n");
  try {
    const healer = new AzoraAutoHealer();
    await healer.initialize();
    expect(await healer.executeHealingAction(example)).toMatchObject({ success: true });
  } finally {
    delete process.env["AZORA_ORCHESTRATOR_PORT"];
  }
});

test("a wrong token and an organism that is away are told", async () => {
  const stranger = new AzoraAutoHealer({ url, token: "guessed" });
  await stranger.initialize();
  await expect(stranger.executeHealingAction(example)).rejects.toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  await expect(new AzoraAutoHealer({ url: "http://127.0.0.1:1", token: "" }).initialize()).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    message: "the organism on http://127.0.0.1:1 does not answer",
  });
});
