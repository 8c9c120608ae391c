import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { alertTable } from "../../../cli/commands/alerts/list.ts";
import { matchersOf, msOf } from "../../../cli/commands/alerts/silence.ts";
import { alerts } from "../../../cli/commands/alerts.ts";
import type { Alert } from "../../../models/alerts.ts";
import { prometheusRules } from "../../../runtime/alerts/prometheus-rules.ts";
import { readSettings } from "../../../runtime/settings.ts";

const alert: Alert = {
  id: "9b1f04c27d5e",
  alert: "critical-service-failed",
  subject: "till",
  group: "heart",
  severity: "critical",
  state: "firing",
  summary: "till is unhealthy: no \u001b[31mmoney\nat all",
  value: 0,
  rule: null,
  startedAt: "2026-11-20T12:00:00.000Z",
  firedAt: "2026-11-20T12:00:10.000Z",
  endedAt: null,
  end: null,
  unknownSince: null,
  times: 1,
  revision: 1,
  acknowledged: null,
  silenced: null,
};

describe("azora alerts", () => {
  const asked: string[] = [];
  let answers: Record<string, unknown> = {};
  let server: Server;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        asked.push(`${request.method} ${request.url}${body && ` ${body}`}`);
        const found = answers[`${request.method} ${request.url}`];
        response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(found ?? { detail: "there is no such thing", code: "NOT_FOUND" }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  async function run(name: string, args: string[], options: Record<string, string | boolean> = {}) {
    const { port } = server.address() as AddressInfo;
    const settings = readSettings({ AZORA_ORCHESTRATOR_PORT: String(port), AZORA_DATA_DIR: "/nowhere" });
    const lines: string[] = [];
    const command = alerts.commands.find((one) => one.name === name)!;
    const code = await command.run({ settings, args, options, out: (text) => lines.push(text) });
    return { code, text: stripVTControlCharacters(lines.join("\n")) };
  }

  test("list fails while something critical fires of which nobody knows", async () => {
    answers = {
      "GET /api/organism/alerts": [alert, { ...alert, id: "b", state: "resolved", endedAt: alert.startedAt }],
    };
    expect(await run("list", [])).toMatchObject({ code: 1, text: expect.stringContaining("till is unhealthy: no") });
    expect((await run("list", [])).text.split("\n")).toHaveLength(2);
    expect((await run("list", [], { all: true })).text.split("\n")).toHaveLength(3);
    expect(JSON.parse((await run("list", [], { json: true })).text)).toHaveLength(1);
    answers = { "GET /api/organism/alerts": [{ ...alert, acknowledged: { by: "ann", at: "", comment: "" } }] };
    expect((await run("list", [])).code).toBe(0);
    answers = { "GET /api/organism/alerts": [] };
    expect(await run("list", [])).toEqual({ code: 0, text: "no alert fires" });
  });

  test("ack, silence and unsilence say what has become of it", async () => {
    const silence = {
      id: "s1",
      matchers: { alert: "service-*" },
      by: "ann",
      comment: "",
      from: "",
      until: "2026-11-20T14:00:00.000Z",
    };
    answers = {
      "POST /api/organism/alerts/9b%2F1/acknowledge": alert,
      "POST /api/organism/silences": silence,
      "GET /api/organism/silences": [silence],
      "POST /api/organism/silences/s1/remove": silence,
    };
    asked.splice(0);
    expect((await run("ack", ["9b/1"], { comment: "I see" })).text).toBe(
      "critical-service-failed of till is acknowledged",
    );
    expect((await run("silence", ["alert=service-*"], { for: "2h" })).text).toContain(
      "is silent until 2026-11-20T14:00",
    );
    expect((await run("silences", [])).text).toContain("alert=service-*");
    expect((await run("unsilence", ["s1"])).text).toBe("alert=service-* is not silent any more");
    expect(asked).toEqual([
      'POST /api/organism/alerts/9b%2F1/acknowledge {"comment":"I see"}',
      'POST /api/organism/silences {"matchers":{"alert":"service-*"},"duration":7200000}',
      "GET /api/organism/silences",
      "POST /api/organism/silences/s1/remove {}",
    ]);
    await expect(run("unsilence", ["s2"])).rejects.toThrow("there is no such thing (NOT_FOUND)");
  });

  test("rules prints them without a running organism", async () => {
    expect(await run("rules", [])).toEqual({ code: 0, text: prometheusRules().trimEnd() });
    expect(JSON.parse((await run("rules", [], { json: true })).text)[0].id).toBe("critical-service-failed");
  });
});

describe("the table of alerts", () => {
  test("shows nothing that controls the terminal, and what is known of each", () => {
    const odd = {
      ...alert,
      times: 3,
      unknownSince: alert.startedAt,
      silenced: "s1",
      acknowledged: { by: "ann", at: "", comment: "" },
    };
    const text = alertTable([odd], Date.parse("2026-11-20T12:01:30.000Z"));
    expect(stripVTControlCharacters(text)).toContain("till is unhealthy: no  [31mmoney at all");
    expect(text).toContain("firing, known to ann, silenced, 3 times, not known now");
    expect(text).toContain("1 min");
  });
});

describe("what is silenced", () => {
  test("is read from name=value", () => {
    expect(matchersOf(["alert=service-*", "subject=a=b"])).toEqual({ alert: "service-*", subject: "a=b" });
    for (const wrong of [["alert"], ["=x"], ["alert="], ["alert=a", "alert=b"]])
      expect(() => matchersOf(wrong)).toThrow();
  });

  test("for how long is read with its unit", () => {
    expect(["90s", "30m", "2h", "30d"].map(msOf)).toEqual([90_000, 1_800_000, 7_200_000, 2_592_000_000]);
    for (const wrong of ["2", "h", "0m", "31d", "1.5h", "2 h", "-1h"])
      expect(() => msOf(wrong)).toThrow("must be as 30m");
  });
});
