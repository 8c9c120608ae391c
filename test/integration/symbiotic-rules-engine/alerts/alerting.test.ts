import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AlertChange } from "../../../../models/alerts.ts";
import type { ProjectInfo } from "../../../../runtime/discovery/plan.ts";
import { projectEnvironment } from "../../../../runtime/project.ts";
import { readSettings } from "../../../../runtime/settings.ts";
import { Alerting } from "../../../../services/brain/symbiotic-rules-engine/alerts/alerting.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { FakeChannel } from "../../../unit/symbiotic-rules-engine/alerts/fake-channel.ts";
import { service, situation } from "../../../unit/symbiotic-rules-engine/alerts/situations.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azora-alerts-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const failed = situation({ services: [service("shop", "unhealthy", { why: "it is\nclosed" })] });
const well = situation({ services: [service("shop")] });

function alertingWith(channel: FakeChannel, env: NodeJS.ProcessEnv = {}, begins = 1_700_000_000_000) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const changes: AlertChange[] = [];
  const logger = {
    info: (text: string) => lines.push(`info ${text}`),
    warn: (text: string) => lines.push(`warn ${text}`),
    error: (text: string) => lines.push(`error ${text}`),
  };
  const alerting = new Alerting({
    settings: readSettings({ AZORA_DATA_DIR: folder, ...env }),
    logger,
    changed: (change) => changes.push(change),
    clock,
    wall: () => begins + clock.now(),
    folder: join(folder, "project", "alerts"),
    channels: [channel],
  });
  const live = async (seconds: number, of = failed) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      alerting.tick(of);
      await Promise.resolve();
    }
    do await sleep(10);
    while (alerting.states().isWriting);
  };
  return { alerting, live, lines, changes };
}

describe("alerting", () => {
  test("logs, tells and sends what fires, and what ends", async () => {
    const channel = new FakeChannel();
    const { alerting, live, lines, changes } = alertingWith(channel);
    await alerting.open();
    await live(60);
    await live(120, well);
    expect(lines).toEqual([
      "warn alert firing: warning service-failed shop: shop is unhealthy: it is closed",
      "info alert resolved: warning service-failed shop: shop is unhealthy: it is closed",
    ]);
    expect(changes.map(({ change }) => change)).toEqual(["firing", "resolved"]);
    expect(channel.told()).toEqual(["firing heart: service-failed shop", "resolved heart: ended service-failed shop"]);
    expect(alerting.gauges()).toMatchObject({
      harmony: { score: 98 },
      alerts: { warning: 0 },
      channels: [{ channel: "webhook", sent: 2, failing: false }],
      services: [{ service: "shop", health: 1 }],
    });
    await alerting.stop();
  });

  test("goes on after a kill without a word too many or too few", async () => {
    const channel = new FakeChannel();
    const first = alertingWith(channel);
    await first.alerting.open();
    await first.live(60);
    first.alerting.manager.acknowledge(first.alerting.manager.list()[0]!.id, "ann");
    first.alerting.manager.silence({ matchers: { subject: "till" }, until: 1_700_000_000_000 + 9e6, by: "ann" });
    await first.live(1);
    // Killed: nothing is stopped.
    const second = alertingWith(channel);
    await second.alerting.open();
    await second.live(120);
    expect(channel.told()).toEqual(["firing heart: service-failed shop"]);
    expect(second.lines).toEqual([]);
    expect(second.alerting.manager.list()[0]!.acknowledged).toMatchObject({ by: "ann" });
    expect(second.alerting.manager.silences()).toHaveLength(1);
    await second.live(120, well);
    expect(channel.told()).toEqual(["firing heart: service-failed shop", "resolved heart: ended service-failed shop"]);
  });

  test.each([
    ["a moment ago", 40_000, "firing"],
    ["an hour ago", 3_600_000, "pending"],
    ["in a time that is yet to come", -40_000, "pending"],
  ])("goes on after a kill with what had begun %s, where that says something of now", async (_, later, state) => {
    const begins = 1_700_000_000_000;
    const first = alertingWith(new FakeChannel(), {}, begins);
    await first.alerting.open();
    for (let second = 0; second < 25; second++) await first.live(1);
    expect(first.alerting.manager.list()[0]).toMatchObject({ state: "pending" });
    const second = alertingWith(new FakeChannel(), {}, begins + later);
    await second.alerting.open();
    await second.live(12);
    expect(second.alerting.manager.list()[0]).toMatchObject({ state });
  });

  test("judges by the files of the project as they are now", async () => {
    const channel = new FakeChannel();
    const { alerting, live, lines } = alertingWith(channel);
    const file = join(folder, "project", "alerts", "a.json");
    mkdirSync(join(folder, "project", "alerts"), { recursive: true });
    writeFileSync(file, JSON.stringify({ id: "service-failed", enabled: false }));
    await alerting.open();
    await live(60);
    expect(alerting.manager.list()).toEqual([]);
    writeFileSync(file, JSON.stringify({ id: "service-failed", levels: [{ severity: "critical", bound: 0 }] }));
    await alerting.look();
    await live(10);
    expect(alerting.manager.list()[0]).toMatchObject({ state: "firing", severity: "critical" });
    writeFileSync(file, "{");
    await alerting.look();
    await live(1);
    expect(alerting.manager.list()[0]).toMatchObject({ state: "firing" });
    writeFileSync(file, JSON.stringify([{ id: "service-failed", enabled: false }]));
    await alerting.look();
    await live(70);
    expect(alerting.manager.list()[0]).toMatchObject({ state: "resolved", end: "disabled" });
    expect(channel.told()).toEqual(["firing heart: service-failed shop", "resolved heart: ended service-failed shop"]);
    expect(lines.filter((line) => line.includes("a.json"))).toEqual([
      expect.stringMatching(/^warn alerts: alerts\/a.json: cannot be read: /),
    ]);
  });

  test.each([
    ["cut off", '{"alerts":{"records":[{"id":"a'],
    ["of another kind", '["x"]'],
    ["null", "null"],
    [
      "full of nonsense",
      '{"alerts":{"records":[1,null,{"id":7}],"silences":[null,{}]},"told":[null,{"channel":"webhook"}]}',
    ],
  ])("begins anew where its file is %s, and says so", async (_, text) => {
    mkdirSync(join(folder, "alerts"));
    writeFileSync(join(folder, "alerts", "alerts.json"), text);
    const { alerting, live, lines } = alertingWith(new FakeChannel());
    await alerting.open();
    expect(lines.length).toBeLessThanOrEqual(1);
    await live(60);
    expect(alerting.manager.list()).toHaveLength(1);
  });

  test("works without a disk, and says once that it cannot store", async () => {
    writeFileSync(join(folder, "alerts"), "a file where the folder should be");
    const channel = new FakeChannel();
    const { alerting, live, lines } = alertingWith(channel);
    await alerting.open();
    await live(40);
    await live(40);
    await live(60, well);
    expect(channel.told()).toHaveLength(2);
    expect(lines.filter((line) => line.includes("cannot be stored"))).toHaveLength(1);
    expect(alerting.states().file).toMatch(/EEXIST|ENOTDIR/);
    await alerting.stop();
  });

  test("writes only what has changed, for nobody else to read", async () => {
    const { alerting, live } = alertingWith(new FakeChannel());
    await alerting.open();
    await live(60);
    const file = join(folder, "alerts", "alerts.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { mtimeMs } = statSync(file);
    await live(60);
    expect(statSync(file).mtimeMs).toBe(mtimeMs);
    expect(existsSync(`${file}.tmp`)).toBe(false);
  });
});

describe("the secrets of alerting", () => {
  const secrets = {
    AZORA_ALERT_WEBHOOK: "http://127.0.0.1:9/T0P-PATH",
    AZORA_ALERT_WEBHOOK_SECRET: `whsec_${Buffer.from("T0P-SECRET-T0P-SECRET-T0P").toString("base64")}`,
    AZORA_ALERT_SMTP_URL: "smtp://ann:T0P-PASSWORD@127.0.0.1:9",
    AZORA_ALERT_MAIL_TO: "ann@example.org",
  };
  const shown = /T0P|whsec|VDBQ/;

  test("are in no log, alert, gauge or file, also where nothing can be sent", async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const log = (text: string) => lines.push(text);
    const changes: AlertChange[] = [];
    const alerting = new Alerting({
      settings: readSettings({ AZORA_DATA_DIR: folder, ...secrets }),
      logger: { info: log, warn: log, error: log },
      changed: (change) => changes.push(change),
      clock,
      wall: () => 1_700_000_000_000 + clock.now(),
    });
    await alerting.open();
    for (let i = 0; i < 12; i++) {
      for (let second = 0; second < 60; second++) {
        clock.advance(1000);
        alerting.tick(failed);
      }
      await sleep(40);
    }
    expect(lines.join("\n")).toMatch(/webhook does not take alerts: ECONNREFUSED/);
    expect(lines.join("\n")).toMatch(/mail does not take alerts: ESOCKET|ECONNREFUSED|ECONNECTION/);
    expect(alerting.manager.list().map(({ alert }) => alert)).toContain("alerts-undelivered");
    await alerting.stop();
    const file = readFileSync(join(folder, "alerts", "alerts.json"), "utf8");
    const all = [
      ...lines,
      JSON.stringify([changes, alerting.manager.list(), alerting.gauges(), alerting.states()]),
      file,
    ];
    for (const text of all) expect(text).not.toMatch(shown);
  });

  test("are in no message about a setting that is wrong, and not in a foreign project", () => {
    const problems = (env: NodeJS.ProcessEnv): string => {
      try {
        readSettings(env);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const env of [
      { AZORA_ALERT_WEBHOOK: "htp://hooks.example.org/T0P" },
      { AZORA_ALERT_WEBHOOK_SECRET: "T0P" },
      { AZORA_ALERT_SMTP_URL: "smtp//ann:T0P@mail.example.org" },
      { AZORA_ALERT_SMTP_URL: "smtp://ann:T0P%zz@mail.example.org" },
      { AZORA_ALERT_WEBHOOK: secrets.AZORA_ALERT_WEBHOOK },
      { AZORA_ALERT_SMTP_URL: secrets.AZORA_ALERT_SMTP_URL },
    ]) {
      expect(problems(env)).toMatch(/must be/);
      expect(problems(env)).not.toMatch(/T0P|VDBQ/);
    }
    const project = { foreign: true, root: folder } as ProjectInfo;
    const given = JSON.stringify(projectEnvironment(project, { PATH: "/bin", ...secrets }));
    expect(given).toContain("/bin");
    expect(given).not.toMatch(shown);
  });
});
