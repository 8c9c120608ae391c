import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { freePort } from "../../../runtime/free-port.ts";
import { equal, operatorToken } from "../../../runtime/operator-token.ts";
import { PlainAnswer, type Route, StatusAnswer } from "../../../services/nervous/master-orchestrator/api/routes.ts";
import { createApiServer, listen } from "../../../services/nervous/master-orchestrator/api/server.ts";
import { EventStream } from "../../../services/nervous/master-orchestrator/api/stream.ts";

const TOKEN = "operator-token-of-the-test";
const routes: Route[] = [
  { method: "GET", path: "/a/:name", handle: ({ params, query }) => ({ ...params, q: query.get("q") }) },
  { method: "GET", path: "/a/fixed/deep", handle: () => "fixed" },
  { method: "POST", path: "/a/:name", control: true, handle: ({ params, body }) => ({ ...params, body }) },
  { method: "GET", path: "/files/*path", handle: ({ params }) => params },
  {
    method: "GET",
    path: "/bytes",
    handle: () => new PlainAnswer("application/octet-stream", Buffer.of(1, 2), "no-cache"),
  },
  { method: "GET", path: "/live", handle: () => ({ status: "healthy" }) },
  { method: "GET", path: "/bad", handle: () => new StatusAnswer(503, { status: "unhealthy" }) },
  { method: "GET", path: "/text", handle: () => new PlainAnswer("text/plain", "größer") },
  { method: "GET", path: "/boom", handle: () => Promise.reject(new Error("secret detail")) },
];

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

describe.each(["writes", "all"] as const)("the orchestrator's API that guards %s", (auth) => {
  let server: Server;
  let stream: EventStream;
  let port: number;
  const logged: unknown[][] = [];
  beforeAll(async () => {
    port = await freePort();
    const logger = { error: (...args: unknown[]) => logged.push(args) } as never;
    server = createApiServer({ port, auth, token: TOKEN, routes, logger });
    await listen(server, port);
    stream = new EventStream(server, {
      port,
      auth,
      token: TOKEN,
      welcome: () => [{ type: "status_update", data: "hello" }],
    });
  });
  afterAll(async () => {
    stream.close();
    server?.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  /** A raw path, which `fetch` would mend. */
  const ask = (
    path: string,
    { method = "GET", body = "", headers = {} as Record<string, string> } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const call = request(
        { host: "127.0.0.1", port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
        (response) => {
          let text = "";
          response
            .setEncoding("utf8")
            .on("data", (chunk) => {
              text += chunk;
            })
            .on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
        },
      );
      call.on("error", reject);
      call.end(body);
    });
  const bearer = { authorization: `Bearer ${TOKEN}` };
  const read = auth === "all" ? bearer : undefined;
  const get = (path: string, headers: Record<string, string> = {}) => ask(path, { headers: { ...read, ...headers } });

  test("takes a part that varies from the path, decoded", async () => {
    expect(JSON.parse((await get("/a/v2.posts%20x?q=1")).body)).toEqual({ name: "v2.posts x", q: "1" });
    expect((await get("/a/fixed/deep")).body).toBe('"fixed"');
    expect((await get("/a/%zz")).status).toBe(404);
    for (const path of ["/a", "/a/", "/a/b/c", "/A/b"]) expect((await get(path)).status).toBe(404);
  });

  test("takes all that is left of a path, decoded", async () => {
    expect(JSON.parse((await get("/files/tile/0/x001/000.p/5")).body)).toEqual({ path: "tile/0/x001/000.p/5" });
    expect(JSON.parse((await get("/files/a")).body)).toEqual({ path: "a" });
    for (const path of ["/files", "/files/"]) expect((await get(path)).status).toBe(404);
  });

  test("names the methods that a path knows", async () => {
    const { status, headers } = await ask("/a/x", { method: "DELETE", headers: bearer });
    expect([status, headers["allow"]]).toEqual([405, "GET, POST"]);
  });

  test("answers with a status and a type of its own where a route wants it", async () => {
    expect(await get("/bad")).toMatchObject({ status: 503, body: '{"status":"unhealthy"}' });
    expect(await get("/text")).toMatchObject({
      body: "größer",
      headers: { "content-type": "text/plain", "cache-control": "no-store" },
    });
    expect(await get("/bytes")).toMatchObject({
      body: "\u0001\u0002",
      headers: { "content-type": "application/octet-stream", "cache-control": "no-cache" },
    });
  });

  test("tells nothing of an unforeseen error but the request id, which the log has too", async () => {
    const { status, headers, body } = await get("/boom");
    expect([status, headers["content-type"]]).toEqual([500, "application/problem+json"]);
    expect(body).not.toContain("secret detail");
    expect(JSON.stringify(logged.at(-1))).toContain(headers["x-request-id"]);
  });

  test.each(["//", "///", "//evil.example/live", "/\\"])(
    "answers %s with a problem and not with an error of its own",
    async (path) => {
      const before = logged.length;
      expect((await get(path)).status).toBeLessThan(500);
      expect(logged).toHaveLength(before);
    },
  );

  test("changes nothing without the token", async () => {
    const post = (headers: Record<string, string>) => ask("/a/x", { method: "POST", body: '{"n":1}', headers });
    expect(await post({})).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
    expect((await post({ authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
    expect((await post({ cookie: `other=${TOKEN}` })).status).toBe(401);
    expect(JSON.parse((await post(bearer)).body)).toEqual({ name: "x", body: { n: 1 } });
    expect((await post({ cookie: `a=b; azora_operator=${TOKEN}` })).status).toBe(200);
  });

  test("is read without the token where the settings say so, and probes always are", async () => {
    expect((await ask("/a/x")).status).toBe(auth === "all" ? 401 : 200);
    expect((await ask("/")).status).toBe(auth === "all" ? 401 : 200);
    expect((await ask("/live")).status).toBe(200);
  });

  test.each([
    [{ host: "evil.example" }],
    [{ host: "127.0.0.1" }],
    [{ origin: "https://evil.example" }],
    [{ origin: "null" }],
    [{ origin: "http://127.0.0.1" }],
  ])("refuses a browser's request with %j", async (headers) => {
    const answer = await get("/a/x", headers as unknown as Record<string, string>);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, "FOREIGN_ORIGIN"]);
  });

  test.each(["127.0.0.1", "localhost", "[::1]"])("takes requests of its own page at %s", async (host) => {
    expect((await get("/a/x", { host: `${host}:${port}`, origin: `http://${host}:${port}` })).status).toBe(200);
  });

  test.each([["{"], ["[]"], ["null"], ['"x"']])("refuses the body %s", async (body) => {
    expect((await ask("/a/x", { method: "POST", body, headers: bearer })).status).toBe(400);
  });

  test("refuses a body that is too large", async () => {
    const body = JSON.stringify({ x: "y".repeat(70_000) });
    expect((await ask("/a/x", { method: "POST", body, headers: bearer })).status).toBe(413);
  });

  test("turns the token of the page's address into a cookie, and a wrong one into none", async () => {
    const right = await ask(`/?token=${TOKEN}`);
    expect([right.status, right.headers["location"]]).toEqual([303, "/"]);
    expect(String(right.headers["set-cookie"])).toMatch(/azora_operator=.*HttpOnly; SameSite=Strict/);
    expect((await ask("/?token=wrong")).headers["set-cookie"]).toBeUndefined();
  });

  test.each(["/../package.json", "/..%2fpackage.json", "/%2e%2e/cli/main.ts", "/app.js/../../biome.json"])(
    "serves no file outside of the page: %s",
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  const upgrade = (path: string, headers: Record<string, string> = {}) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/x`, {
        headers: { ...read, ...headers },
        finishRequest: (call) => {
          (call as unknown as { path: string }).path = path;
          call.end();
        },
      });
      socket.on("message", (text) => {
        socket.close();
        resolve(JSON.parse(String(text)).data);
      });
      socket.on("unexpected-response", (_call, response) => resolve(String(response.statusCode)));
      socket.on("error", (error) => resolve(error.message));
    });

  test("streams to its own listeners", async () => {
    expect(await upgrade("/orchestrator/stream")).toBe("hello");
    expect(await upgrade("/orchestrator/stream", { origin: "https://evil.example" })).toBe("403");
    expect(await upgrade("/other")).toBe("404");
    expect(await upgrade("/orchestrator/stream", { authorization: "", cookie: "" })).toBe(
      auth === "all" ? "401" : "hello",
    );
  });

  test.each(["//", "///", "//:x"])("survives a stream that is asked for at %s", async (path) => {
    expect(await upgrade(path)).toMatch(/^4/);
    expect((await ask("/live")).status).toBe(200);
  });

  test("survives a listener that breaks off while it is refused", async () => {
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((done) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.write(
            `GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
          );
          setImmediate(() => socket.resetAndDestroy());
        });
        socket.on("error", () => {});
        socket.on("close", () => done());
      });
    }
    expect((await ask("/live")).status).toBe(200);
  });
});

test("a taken port is told as such", async () => {
  const port = await freePort();
  const options = { port, auth: "writes" as const, token: TOKEN, routes, logger: console as never };
  const first = createApiServer(options);
  await listen(first, port);
  await expect(listen(createApiServer(options), port)).rejects.toThrow(`port ${port} is taken`);
  await new Promise((done) => first.close(done));
});

describe("the operator's token", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "azora-token-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const path = () => join(folder, "operator.token");

  test("is made once, for its owner's eyes only", () => {
    const token = operatorToken(folder);
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect(operatorToken(folder)).toBe(token);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  test.each(["", "\n", "short\n"])("is made anew where the file holds %j, which anybody could guess", (content) => {
    writeFileSync(path(), content);
    expect(operatorToken(folder).length).toBeGreaterThanOrEqual(32);
    expect(readFileSync(path(), "utf8").trim()).toBe(operatorToken(folder));
  });

  test("is compared whole", () => {
    expect([equal("a", "a"), equal("a", "b"), equal("a", "ab"), equal("", "a")]).toEqual([true, false, false, false]);
  });
});
