import { describe, expect, test } from "@jest/globals";
import { readDeclaration } from "../../../runtime/cache/declaration.ts";

const read = (cache: unknown, defaults = { ttl: 30 }) => readDeclaration("posts.get", cache, defaults);

describe("the declaration of a cached action", () => {
  test("is read with its defaults, times in ms", () => {
    expect(read(true)).toMatchObject({
      enabled: true,
      fresh: 30_000,
      stale: 0,
      negative: null,
      failure: 0,
      lock: null,
    });
    expect(read({ ttl: 5, staleTtl: 60, negativeTtl: 1, failureTtl: 0.5, tags: ["a"] })).toMatchObject({
      fresh: 5000,
      stale: 60_000,
      negative: 1000,
      failure: 500,
      tags: ["a"],
      clone: true,
    });
    expect(read({ ttl: 0 })!.fresh).toBe(Number.POSITIVE_INFINITY);
    expect(read({ ttl: null, keys: null, keygen: null, negativeTtl: null })).toMatchObject({ fresh: 30_000 });
  });

  test.each([undefined, null, false, { enabled: false }])("says that nothing is cached: %j", (cache) => {
    expect(read(cache)).toBeNull();
  });

  test("gives Moleculer's lock its meaning", () => {
    expect(read({ lock: true })).toMatchObject({ lock: 15_000 });
    expect(read({ lock: { enabled: false, staleTime: 5 } })).toMatchObject({ lock: null, fresh: 30_000, stale: 0 });
    // The last 5 of 30 s.
    expect(read({ lock: { ttl: 2000, staleTime: 5 } })).toMatchObject({ lock: 2000, fresh: 25_000, stale: 5000 });
    expect(() => read({ staleTtl: 1, lock: { staleTime: 5 } })).toThrow(/cache\.lock\.staleTime as 5.*staleTtl/);
    expect(() => read({ ttl: 5, lock: { staleTime: 5 } })).toThrow(/less than cache\.ttl/);
  });

  test.each([
    ["cache", "yes", "true, false or an object"],
    ["cache.ttl", { ttl: "5s" }, "a number of seconds from 0"],
    ["cache.ttl", { ttl: -1 }, "a number of seconds from 0"],
    ["cache.ttl", { ttl: Number.NaN }, "a number of seconds from 0"],
    ["cache.staleTtl", { staleTtl: Number.POSITIVE_INFINITY }, "a number of seconds"],
    ["cache.negativeTtl", { negativeTtl: true }, "a number of seconds"],
    ["cache.failureTtl", { failureTtl: {} }, "a number of seconds"],
    ["cache.keys", { keys: "id" }, "a list of parameters' names"],
    ["cache.keys", { keys: [1] }, "a list of parameters' names"],
    ["cache.keygen", { keygen: "id" }, "a function"],
    ["cache.tags", { tags: [""] }, "at most 64 names of 1 to 200 characters"],
    ["cache.tags", { tags: "posts" }, "at most 64 names"],
    ["cache.enabled", { enabled: "on" }, "true, false or a function"],
    ["cache.clone", { clone: "deep" }, "true, false or a function"],
    ["cache.lock", { lock: 5 }, "true, false or"],
    ["cache.lock.ttl", { lock: { ttl: 0 } }, "a number of milliseconds from 1 to 600000"],
    ["cache.lock.staleTime", { lock: { staleTime: "1" } }, "a number of seconds"],
  ])("is refused where it is wrong: %s", (field, cache, allowed) => {
    let seen: { type?: string; message?: string; data?: object } = {};
    try {
      read(cache);
    } catch (error) {
      seen = error as typeof seen;
    }
    expect(seen.type).toBe("VALIDATION_ERROR");
    expect(seen.message).toContain(`posts.get declares ${field} as `);
    expect(seen.message).toContain(allowed);
    expect(seen.data).toMatchObject({ field });
  });

  test("tells of a field that means nothing", () => {
    const said: string[] = [];
    readDeclaration("posts.get", { stalettl: 5, colour: 1 }, {}, (message) => said.push(message));
    expect(said).toEqual([
      "posts.get declares cache.stalettl, which means nothing; cache.staleTtl is meant perhaps",
      "posts.get declares cache.colour, which means nothing",
    ]);
  });
});
