import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { EVERYTHING, groupsOf, groupsOfValue, matches, merge } from "../../../runtime/cache/targets.ts";

const part = fc.constantFrom("posts", "users", "v2", "get", "find", "a");
const key = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.option(fc.constantFrom("", "1", '"x.y"', "id|1")))
  .map(([parts, rest]) => (rest === null ? parts.join(".") : `${parts.join(".")}:${rest}`));
const pattern = fc
  .tuple(
    key,
    fc.nat({ max: 12 }),
    fc.constantFrom("*", "**", "?", ".*", ".**", ":*", ":**", "*:1"),
    fc.constantFrom("", ".get", "*"),
  )
  .map(([text, cut, wild, end]) => text.slice(0, cut) + wild + end);

describe("the groups that Redis is told of", () => {
  test("hold at least what a pattern matches", () => {
    fc.assert(
      fc.property(key, fc.oneof(pattern, key), (one, wanted) => {
        fc.pre(matches(one, wanted));
        const groups = groupsOf({ patterns: [wanted] });
        expect(groups.some((group) => groupsOfValue(one, []).includes(group))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("are as narrow as a name allows", () => {
    const of = (wanted: string) => groupsOf({ patterns: [wanted] });
    expect(of("posts.**")).toEqual(["p posts"]);
    expect(of("posts.get:*")).toEqual(["p posts.get"]);
    expect(of("posts.f*")).toEqual(["p posts"]);
    expect(of("po**")).toEqual(["*"]);
    expect(of("**")).toEqual(["*"]);
    expect(of("posts.get:1")).toEqual(["k posts.get:1"]);
    expect(groupsOf({ keys: ["a"], tags: ["b", "b"] })).toEqual(["k a", "t b"]);
    expect(groupsOfValue("v1.posts.get:a.b:c", ["t"])).toEqual([
      "*",
      "p v1",
      "p v1.posts",
      "p v1.posts.get",
      "k v1.posts.get:a.b:c",
      "t t",
    ]);
  });
});

test.each([
  ["posts.**", ["posts.get:1", "posts.a.b:x.y", "posts."], ["posts", "postsx.get:1", "v1.posts.get"]],
  ["posts.*", ["posts.get", "posts.get:1", "posts.get:1.5"], ["posts.a.get:1", "post.get"]],
  ["posts.get:*", ["posts.get:1", "posts.get:a.b:c"], ["posts.get", "posts.getall:1"]],
  ["posts.g?t:1", ["posts.get:1", "posts.got:1"], ["posts.gt:1", "posts.get:12"]],
  ["*.get:1", ["posts.get:1"], ["v1.posts.get:1"]],
  ["**", ["", "a", "a.b:c"], []],
  ["*", ["a", "a:1.5"], ["a.b"]],
  ["a(b*", ["a(b", "a(bc"], ["ab"]],
  ["a.b**c", ["a.bc", "a.b.x:c"], ["axbc", "a.b"]],
  ["posts.get:1", ["posts.get:1"], ["posts.get:12", "postsxget:1"]],
])("%s matches %j, not %j", (wanted, yes, no) => {
  for (const one of yes) expect([one, matches(one, wanted)]).toEqual([one, true]);
  for (const one of no) expect([one, matches(one, wanted)]).toEqual([one, false]);
});

test("many invalidations become one, and too many become one of everything", () => {
  expect(merge([{ keys: ["a"] }, { keys: ["a", "b"], tags: ["t"] }])).toEqual({
    keys: ["a", "b"],
    patterns: [],
    tags: ["t"],
  });
  expect(merge([{ tags: Array.from({ length: 1001 }, (_, i) => `${i}`) }])).toBe(EVERYTHING);
});
