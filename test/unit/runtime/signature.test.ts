import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FINGERPRINT_LIMIT, familyOf, fingerprint, signatureOf } from "../../../runtime/healing/signature.ts";

describe("the fingerprint of an error", () => {
  test("leaves out what changes from one time to the next", () => {
    const cases: [string, string][] = [
      ["connect ECONNREFUSED 127.0.0.1:5432", "connect econnrefused <address>"],
      ["connect ECONNREFUSED ::1:5432", "connect econnrefused <address>"],
      ["getaddrinfo ENOTFOUND db.internal:5432", "getaddrinfo enotfound <address>"],
      ["no answer within 2000 ms", "no answer within <time>"],
      ["hung for 2.9 s and was killed", "hung for <time> and was killed"],
      ["user 7d444840-9dc0-11d1-b245-5ffdce74fad2 is unknown", "user <id> is unknown"],
      ["ENOENT: no such file or directory, open '/srv/a/b.json'", "enoent: no such file or directory, open <text>"],
      ["cannot read /var/lib/azora/data.db:12:3 now", "cannot read <path> now"],
      ["cannot read C:\\data\\azora.db", "cannot read <path>"],
      ["object 0x7ffdee and 8f3a2b1c9d", "object <hex> and <hex>"],
      ['Unexpected token "}" at position 1,234', "unexpected token <text> at position <n>"],
      ["GET https://shop.example/a?b=1 answered 503", "get <url> answered <n>"],
      ["locked since 2026-11-20T07:03:59.268Z", "locked since <time>"],
      ["it can't go on and doesn't", "it can't go on and doesn't"],
      ["exit code 137", "exit code <n>"],
      ["deadbeef decade facade", "deadbeef decade facade"],
      ["first line\n    at /srv/x.ts:1:2", "first line"],
      ["a|b", "a/b"],
    ];
    for (const [message, expected] of cases) expect([message, fingerprint(message)]).toEqual([message, expected]);
  });

  test("is the same for two occurrences of one error", () => {
    const varying = fc.record({
      ip: fc.ipV4(),
      port: fc.integer({ min: 10, max: 65535 }),
      id: fc.uuid(),
      ms: fc.nat(),
    });
    const message = ({ ip, port, id, ms }: { ip: string; port: number; id: string; ms: number }) =>
      `Request ${id} to ${ip}:${port} failed after ${ms} ms at /app/${id}/x.ts:${ms}:1`;
    fc.assert(fc.property(varying, varying, (a, b) => expect(fingerprint(message(a))).toBe(fingerprint(message(b)))));
  });

  test("is bounded, has no digit and no bar, and takes whatever comes, soon", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 3000, unit: "binary" }), (message) => {
        const print = fingerprint(message);
        expect(print.length).toBeLessThanOrEqual(FINGERPRINT_LIMIT);
        expect(print).not.toMatch(/[\d|\n]/);
      }),
    );
    const start = performance.now();
    for (const hostile of ["/a", "1.", "a:", "'x", "::", "f0", "a-", "https://"]) fingerprint(hostile.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe("a signature", () => {
  test("names failure, service and fingerprint, and has a family without the service", () => {
    const signature = signatureOf("start failed", "shop|x", "no answer within 3 s | gone");
    expect(signature).toBe("start failed|shop/x|no answer within <time> / gone");
    expect(familyOf(signature)).toBe("start failed|*|no answer within <time> / gone");
    expect(familyOf("hung|shop|")).toBe("hung|*|");
  });
});
