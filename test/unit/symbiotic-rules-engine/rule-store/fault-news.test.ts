import { describe, expect, test } from "@jest/globals";
import { FaultNews } from "../../../../services/brain/symbiotic-rules-engine/rule-store/fault-news.ts";

const fault = (rule: string, file?: string) => ({
  rule,
  path: "cooldown",
  detail: "cooldown is 5",
  ...(file ? { file } : {}),
});

describe("news of faults", () => {
  test("each fault is told once, with its file and its rule, and again when it has been away", () => {
    const news = new FaultNews();
    expect(news.lines([fault("one", "rules/a.json"), fault("", "rules/b.json"), fault("two")])).toEqual([
      "rules/a.json, one: cooldown is 5",
      "rules/b.json: cooldown is 5",
      "two: cooldown is 5",
    ]);
    expect(news.lines([fault("two"), fault("three")])).toEqual(["three: cooldown is 5"]);
    expect(news.lines([fault("", "rules/b.json"), fault("two")])).toEqual(["rules/b.json: cooldown is 5"]);
  });

  test("of very many only some are told, and how many more there are", () => {
    const lines = new FaultNews().lines(Array.from({ length: 500 }, (_, i) => fault(`rule-${i}`)));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("480 more faults of rules");
  });
});
