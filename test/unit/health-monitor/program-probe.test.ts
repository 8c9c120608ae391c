import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ProgramProbe } from "../../../services/nervous/health-monitor/program-probe.ts";

describe("a program that is asked over HTTP", () => {
  let server: Server;
  let port: number;
  let pages: Record<string, number>;
  let asked: string[];
  let probe: ProgramProbe;
  beforeEach(async () => {
    asked = [];
    pages = {};
    probe = new ProgramProbe();
    server = createServer((request, response) => {
      asked.push(request.url!);
      const status = pages[request.url!] ?? 404;
      if (status > 0) response.writeHead(status).end();
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as { port: number }).port;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  const ask = async (change: { path?: string; port?: number } = {}) => {
    const program = { name: "tool", node: "program:tool", incarnation: 3, port, since: Date.now() - 5000, ...change };
    const [of] = await probe.ask([program], 100);
    return of!.answers[0]!;
  };

  test("is tried at the usual paths in their order, and the one that answered is remembered", async () => {
    pages["/status"] = 200;
    expect(await ask()).toMatchObject({
      name: "tool",
      incarnation: 3,
      status: "healthy",
      uptime: 5,
      checks: { http: "/status answers 200" },
    });
    await ask();
    expect(asked).toEqual(["/health", "/api/health", "/status", "/status"]);
  });

  test("is asked at its own path only, where it names one", async () => {
    pages["/up"] = 204;
    pages["/health"] = 500;
    expect((await ask({ path: "/up" })).status).toBe("healthy");
    expect(asked).toEqual(["/up"]);
  });

  test("is looked for anew when the page that it had is there no longer", async () => {
    pages["/health"] = 200;
    await ask();
    pages = { "/ping": 200 };
    await ask();
    expect((await ask()).checks).toEqual({ http: "/ping answers 200" });
  });

  test("is unhealthy where it says so, and healthy where it has no such page", async () => {
    expect((await ask()).checks).toEqual({ http: "answers, but has no health page" });
    pages["/health"] = 503;
    expect((await ask()).status).toBe("unhealthy");
  });

  test("is late where it does not answer in time", async () => {
    pages["/health"] = -1;
    expect(await ask()).toMatchObject({ status: "unhealthy", late: true, checks: { http: "no answer within 100 ms" } });
  });

  test("is unhealthy, and not late, where nobody listens", async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, "127.0.0.1", done));
    const { port: free } = closed.address() as { port: number };
    await new Promise((done) => closed.close(done));
    expect(await ask({ port: free })).toMatchObject({ status: "unhealthy", late: false });
  });

  test("is healthy as long as it lives, where it has no port", async () => {
    const [of] = await probe.ask([{ name: "tool", node: "program:tool", incarnation: 1, since: Date.now() }], 100);
    expect(of!.answers[0]).toMatchObject({ status: "healthy", checks: { process: "ok" } });
  });
});
