import { expect, test } from "@jest/globals";
import { uuidv7 } from "../../../../mixins/store/uuid.ts";

test("ids sort in the order of their making: within a millisecond, over its 4096th, and when the clock is set back", () => {
  const start = Date.UTC(2100, 0, 1);
  const ids = [...Array(10_000).fill(start), start + 1, start - 60_000, start + 60_000].map((now: number) =>
    uuidv7(now),
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test("an id is a UUID of version 7 that tells its time", () => {
  const now = Date.UTC(2200, 0, 1);
  const id = uuidv7(now);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(now);
});
