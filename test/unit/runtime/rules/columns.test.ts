import { describe, expect, test } from "@jest/globals";
import { Columns, MOST_COLUMNS } from "../../../../runtime/rules/columns.ts";

describe("a table of columns", () => {
  test("tells each change once, and no value that stayed the same or stayed unknown", () => {
    const columns = new Columns();
    const load = columns.column("brain", "load")!;
    columns.set(load, 5, 0);
    columns.set(load, 6, 1);
    expect(columns.takeChanged()).toEqual([load]);
    columns.set(load, 6, 2);
    expect(columns.takeChanged()).toEqual([]);
    expect(columns.age(load, 10)).toBe(8);
    for (const absurd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) columns.set(load, absurd, 3);
    expect(columns.values[load]).toBeNaN();
    expect(columns.takeChanged()).toEqual([load]);
    columns.set(load, Number.POSITIVE_INFINITY, 4);
    expect(columns.takeChanged()).toEqual([]);
    expect(columns.age(load, 10)).toBe(8);
  });

  test("keeps a column's number and value while it grows, and refuses more than it may hold", () => {
    const columns = new Columns();
    const first = columns.column("heart", "a.b")!;
    columns.set(first, 1, 0);
    for (let i = 1; i < MOST_COLUMNS; i++) expect(columns.column("brain", `service.${i}`)).toBe(i);
    expect(columns.column("brain", "service.more")).toBeUndefined();
    expect(columns.values[columns.find("heart.a.b")!]).toBe(1);
  });
});
