import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { parseJsonObject, readText } from "../../../runtime/json-body.ts";

describe("a JSON body", () => {
  test("is an object, as it was sent", () => {
    expect(parseJsonObject('{"a":[1,{"b":"é😀"}]}')).toEqual({ a: [1, { b: "é😀" }] });
  });

  test.each([
    ["{", /not JSON/],
    ["[]", /must be a JSON object/],
    ["null", /must be a JSON object/],
    ['{"__proto__":{"subject":"x"}}', /must not contain the key __proto__/],
    ['{"a":{"constructor":{"prototype":{}}}}', /must not contain the key constructor/],
    ['{"data":{"names":["ok","\\ud800"]}}', /^data\.names\[1\] holds half of a surrogate pair/],
    ['{"rule":{"value":[1e300]}}', /^rule\.value\[0\] is 1e\+300, but numbers must lie between/],
    ['{"a":-1e19}', /^a is -10000000000000000000, but/],
    ['{"a":1e999}', /^a is Infinity, but/],
    ['{"data":{"\\udc00":1}}', /^data\.\ufffd holds half of a surrogate pair/],
    [`${'{"a":'.repeat(70)}1${"}".repeat(70)}`, /nested deeper than 64 levels/],
  ])("is refused with what is wrong: %s", (text, why) => {
    expect(() => parseJsonObject(text)).toThrow(expect.objectContaining({ message: expect.stringMatching(why) }));
  });

  test.each([
    ["a length", 2000],
    ["chunks", 2_000_000],
  ])("that is too large is refused and read on, so that the sender hears why: sent with %s", async (how, bytes) => {
    const server = createServer((request, response) => {
      readText(request, 1000).then(
        () => response.end("taken"),
        (error: Error) => response.writeHead(413).end(error.message),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const text = "x".repeat(bytes);
    const body = how === "chunks" ? new Blob([text]).stream() : text;
    const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body, duplex: "half" } as RequestInit);
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe("The body may have at most 1000 bytes");
    server.closeAllConnections();
    server.close();
  });
});
