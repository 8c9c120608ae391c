import net from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Context, ServiceSchema } from "moleculer";
import { ask, json, Organism, raw } from "./organism.ts";

const echo: ServiceSchema = {
  name: "echo",
  actions: {
    put: {
      rest: "POST /",
      handler(ctx: Context<Record<string, unknown>>) {
        return {
          own: Object.keys(ctx.params),
          admin: ctx.params.admin ?? null,
          polluted: ({} as { admin?: unknown }).admin ?? null,
        };
      },
    },
    get: { rest: "GET /:id", handler: (ctx: Context<{ id: string }>) => ctx.params.id },
  } as unknown as ServiceSchema["actions"],
};

let organism: Organism;
const call = (path: string, question = {}) => ask(organism.port, path, question);

beforeAll(async () => {
  organism = await Organism.start([echo], { maxBody: 64 * 1024, limits: { headersTimeout: 300, requestTimeout: 600 } });
});
afterAll(() => organism.stop());

describe("bodies", () => {
  test.each([
    ["cut off", '{"a":', 400],
    ["no object", "[1]", 400],
    ["a bare value", "7", 400],
    ["rubbish", "\0\0", 400],
    ["empty", " ", 200],
    ["too deep", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`, 400],
    ["a hundred thousand levels", `{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, 400],
  ])("%s", async (_, body, status) => {
    const answer = await call("/api/echo", json(body));
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.body.code).toBe("BAD_REQUEST");
  });

  test("not UTF-8 is refused", async () => {
    const question = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    };
    expect((await call("/api/echo", question)).body.detail).toBe("The body is not UTF-8");
  });

  test.each([
    '{"__proto__":{"admin":true}}',
    '{"a":{"\\u005f_proto__":{"admin":true}}}',
    '{"constructor":{"prototype":{"admin":true}}}',
  ])("a poisoned prototype is refused: %s", async (body) => {
    expect(await call("/api/echo", json(body))).toMatchObject({ status: 400, body: { code: "BAD_REQUEST" } });
    expect((await call("/api/echo", json({}))).body).toEqual({ own: [], admin: null, polluted: null });
  });

  test("a poisoned query is without effect", async () => {
    const answer = await call("/api/echo?__proto__[admin]=1&constructor[prototype][admin]=1", json({}));
    expect(answer.body).toMatchObject({ admin: null, polluted: null });
  });

  test.each([
    ["text/plain", "{}"],
    ["application/x-www-form-urlencoded", "a=1"],
    ["multipart/form-data; boundary=x", "--x--"],
    ["application/jsonp", "{}"],
    [undefined, "{}"],
  ])("content type %s is 415", async (type, body) => {
    const headers = type === undefined ? {} : { "content-type": type };
    expect(await call("/api/echo", { method: "POST", headers, body })).toMatchObject({ status: 415 });
  });

  test("a compressed body is 415: it could be a bomb", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    expect((await call("/api/echo", { method: "POST", headers, body: gzipSync("{}") })).status).toBe(415);
  });

  test("too large is 413, whether the length is told or not", async () => {
    const large = JSON.stringify({ a: "x".repeat(1024 * 1024) });
    expect((await call("/api/echo", json(large))).status).toBe(413);
    const chunked = { ...json(large), headers: { "content-type": "application/json", "transfer-encoding": "chunked" } };
    expect(await call("/api/echo", chunked)).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
  });

  test("a body that never ends is cut off", async () => {
    const start = Date.now();
    const head =
      "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      const socket = net.connect(organism.port, "127.0.0.1", () => socket.write(head));
      const drip = setInterval(() => socket.write("1\r\n \r\n"), 50);
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        clearInterval(drip);
        resolve(text);
      });
    });
    expect(Date.now() - start).toBeLessThan(2_500);
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*REQUEST_INCOMPLETE/s);
  });
});

describe("heads", () => {
  test("a head that does not come is cut off", async () => {
    expect(await raw(organism.port, "GET / HTTP/1.1\r\nHost: x\r\nX-A: ")).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("what is no HTTP is answered with a problem", async () => {
    const answer = await raw(organism.port, "\x16\x03\x01 hello\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
    expect(answer).toContain('"code":"BAD_REQUEST"');
  });

  test("headers beyond 16 KB are 431", async () => {
    expect(await raw(organism.port, `GET / HTTP/1.1\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  test("two lengths, or a length and chunks, are no request (smuggling)", async () => {
    const smuggled = "GET /api/echo/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    const both = "Content-Length: 4\r\nTransfer-Encoding: chunked";
    for (const lengths of [both, "Content-Length: 0\r\nContent-Length: 45"]) {
      const answer = await raw(
        organism.port,
        `POST /api/echo HTTP/1.1\r\nHost: x\r\n${lengths}\r\n\r\n0\r\n\r\n${smuggled}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain("smuggled");
    }
  });

  test("a request id cannot smuggle a header into the answer", async () => {
    const head = "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: a\rSet-Cookie: b=1\r\n\r\n";
    expect(await raw(organism.port, head)).not.toMatch(/set-cookie/i);
  });
});

describe("paths", () => {
  test.each([
    "/api/../openapi.json",
    "/api/echo/../../live",
    "//api/echo/1",
    "/api//echo/1",
    "/%61pi/echo/1",
    "/api/echo/%2e%2e/%2e%2e/etc",
  ])("%s leads nowhere", async (path) => {
    expect((await call(path)).status).toBe(404);
  });

  test("an encoded slash stays inside its parameter", async () => {
    expect((await call("/api/echo/..%2f..%2fetc%2fpasswd")).body).toBe("../../etc/passwd");
  });

  test("a badly encoded path is 400", async () => {
    expect(await call("/api/echo/%zz")).toMatchObject({ status: 400, body: { code: "BAD_REQUEST" } });
    expect(await call("/api/echo/%zz", { method: "OPTIONS" })).toMatchObject({ status: 400 });
  });

  test("very long paths and thousands of query parameters are answered", async () => {
    expect((await call(`/api/nope/${"a".repeat(10_000)}`)).status).toBe(404);
    expect((await call(`/api/echo/1?${"a[]=1&".repeat(1_500)}`)).status).toBe(200);
  });
});
