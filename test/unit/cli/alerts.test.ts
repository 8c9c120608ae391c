import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { alertTable } from "../../../cli/commands/alerts/list.ts";
import { matchersOf, msOf } from "../../../cli/commands/alerts/silence.ts";
import { alerts } from "../../../cli/commands/alerts.ts";
import type { Alert, AlertDefinitions } from "../../../models/alerts.ts";
import { BUILT_IN_ALERTS } from "../../../runtime/alerts/built-in/definitions.ts";
import { checkAlerts } from "../../../runtime/alerts/check-alerts.ts";
import { definitionView } from "../../../runtime/alerts/definition-views.ts";
import { effectiveAlerts } from "../../../runtime/alerts/effective-alerts.ts";
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
  advice: null,
  acknowledged: null,
  silenced: null,
};

const NOTHING_WRONG: AlertDefinitions = { alerts: [], faults: [] };

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
        const all: typeof answers = { "GET /api/organism/alerts/definitions": NOTHING_WRONG, ...answers };
        const found = all[`${request.method} ${request.url}`];
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

  test("definitions shows what is an alert, and where that stands", async () => {
    const known: AlertDefinitions = {
      alerts: effectiveAlerts([]).alerts.map(definitionView),
      faults: [{ file: "alerts/b.json", alert: "own", path: "id", detail: "id is bad\u001b[31m" }],
    };
    known.alerts[0] = { ...known.alerts[0]!, file: "alerts/a.json", enabled: false };
    answers = { "GET /live": {}, "GET /api/organism/alerts/definitions": known, "GET /api/organism/alerts": [] };
    const { code, text } = await run("definitions", []);
    expect(code).toBe(1);
    expect(text).toMatch(/critical-service-failed +built in, changed in alerts\/a.json +switched off/);
    expect(text).toMatch(/harmony-low +built in +≤ 79 \(82\) for 30 s: warning +30 s +harmony/);
    expect(text).toMatch(/\n +≤ 59 \(65\) for 30 s: critical/);
    expect(text).toContain("fault  alerts/b.json, own: id is bad [31m");
    expect((await run("definitions", ["chain-broken"])).text).toContain("neither changed nor switched off");
    await expect(run("definitions", ["harmoni-low"])).rejects.toThrow("did you mean harmony-low?");
    expect((await run("list", [])).text).toBe(
      "no alert fires\n  fault  alerts/b.json: azora alerts definitions says what is wrong",
    );
  });

  test("check says what is wrong with a file, and what each alert would say now", async () => {
    const folder = mkdtempSync(join(tmpdir(), "azora-check-"));
    const level = { severity: "warning", bound: 5, for: 90_000 };
    const own = { id: "signups-low", metric: "heart.shop.signups", bad: "below", levels: [level] };
    writeFileSync(join(folder, "a.json"), JSON.stringify([own, { id: "node-down", enabled: false }]));
    const offline = await run("check", [folder], { offline: true });
    expect(offline).toEqual({
      code: 0,
      text: [
        "  signups-low  ≤ 5 for 90 s: warning",
        "  node-down  switched off",
        "2 alerts checked here, without what a running organism knows: nothing wrong",
      ].join("\n"),
    });
    const view = definitionView({ ...checkAlerts(own).alerts[0]!, file: null });
    const bad = [{ subject: "heart.shop.signups", severity: "warning", for: 90_000, says: "heart.shop.signups is 3" }];
    answers = {
      "GET /live": {},
      "POST /api/organism/alerts/check": { faults: [], alerts: [{ ...view, now: { seen: 1, unknown: 0, bad } }] },
    };
    asked.splice(0);
    expect((await run("check", [join(folder, "a.json")])).text).toContain(
      "warning would fire after 90 s: heart.shop.signups is 3",
    );
    expect(asked.at(-1)).toBe(
      `POST /api/organism/alerts/check ${JSON.stringify({ alerts: [own, { id: "node-down", enabled: false }] })}`,
    );
    writeFileSync(join(folder, "b.json"), JSON.stringify({ ...own, levels: [{ ...level, clear: 4 }] }));
    expect(await run("check", [folder], { offline: true })).toMatchObject({
      code: 1,
      text: expect.stringContaining("fault  signups-low: levels[0].clear is 4"),
    });
    await expect(run("check", [join(folder, "c.json")])).rejects.toThrow("there is nothing at");
    writeFileSync(join(folder, "c.json"), "{");
    await expect(run("check", [folder])).rejects.toThrow("c.json cannot be read");
    rmSync(folder, { recursive: true });
  });

  test("rules prints them without a running organism", async () => {
    answers = {};
    expect(await run("rules", [])).toEqual({ code: 0, text: prometheusRules(BUILT_IN_ALERTS).trimEnd() });
    expect(JSON.parse((await run("rules", [], { json: true })).text)[0].id).toBe("critical-service-failed");
    answers = { "GET /live": {}, "GET /api/organism/alerts/prometheus": "groups:\n" };
    expect((await run("rules", [])).text).toBe("groups:");
    expect((await run("rules", [], { offline: true })).text).toContain("AzoraNodeDown");
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
    const over = alertTable([{ ...alert, state: "resolved", end: "disabled" }], 0);
    expect(stripVTControlCharacters(over)).toContain("switched off");
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
