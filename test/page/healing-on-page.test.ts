import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";
import { describeWith } from "../support/needs.ts";
import { TestOrganism } from "../support/organism.ts";
import { writeFiles } from "../support/write-files.ts";
import { DESKTOP, details, MARKUP, PageBrowser, PHONE, sideways } from "./page-browser.ts";

jest.setTimeout(40_000);

const LEAK = {
  failure: "leaking",
  target: { node: "heart-1" },
  severity: "warning",
  evidence: ["The heap of heart-1 has grown steadily for 10 min, from 80 MB to 400 MB.", MARKUP],
  secondsLeft: 372,
};

describeWith("chromium", "healing on the live page", () => {
  let organism: TestOrganism;
  let browser: PageBrowser;
  let page: Page;
  const ill = () => join(organism.folder, "ill");
  const row = (name: string, on = page) =>
    on.locator("tr.service", { has: on.getByRole("button", { name, exact: true }) });

  beforeAll(async () => {
    organism = await TestOrganism.create({
      AZORA_EVENT_BUS_URL: "mesh",
      AZORA_HEALTH_INTERVAL: "100",
      AZORA_HEALING_TIME_SCALE: "0.002",
      AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: "3600000",
    });
    const folder = writeFiles(join(organism.folder, "project"), {
      "services/heart/pump.service.mjs": `import { existsSync } from "node:fs";
        const ill = () => existsSync(${JSON.stringify(ill())});
        export default { name: "pump", metadata: { healing: { attempts: 4, trialEvery: 86400000, jitter: 0 } }, actions: {
          health: () => (ill() ? { status: "unhealthy", checks: { pump: ${JSON.stringify(MARKUP)} } } : { status: "healthy", checks: {} }) } };`,
      "services/lungs/user.service.mjs": `export default { name: "user", dependencies: ["pump"] };`,
      "services/heart/ledger.service.mjs": `export default { name: "ledger", metadata: { healing: { standby: "deputy" } },
        actions: { add() { throw new Error(${JSON.stringify(`it is locked ${MARKUP}`)}); } } };`,
      "services/lungs/deputy.service.mjs": `export default { name: "deputy", actions: { add: () => 1 } };`,
      "services/lungs/shop.service.mjs": `export default { name: "shop", actions: { sell: (ctx) => ctx.call("ledger.add").catch(() => 0) } };`,
    });
    [, browser] = await Promise.all([organism.up(folder), PageBrowser.launch(organism)]);
    page = await browser.open(`/?token=${organism.token}`);
  });
  afterAll(async () => {
    await browser?.close();
    await organism?.down();
  });

  it("has no panel of warnings while there is nothing to warn of", async () => {
    expect(await page.locator("#warnings").isVisible()).toBe(false);
    expect(await page.locator("#warned").innerText()).toBe("");
  });

  it("shows what is in quarantine, and who has to go on without it, in the list and in the graph", async () => {
    writeFileSync(ill(), "");
    await row("pump").locator(".word", { hasText: "quarantined" }).waitFor();
    await row("user").locator(".word", { hasText: "degraded" }).waitFor();
    await row("user").locator(".without", { hasText: "without pump" }).waitFor();
    await page.locator(`.graph .box[aria-label="user, degraded: pump in quarantine"]`).waitFor();
    expect(await page.locator(".graph .edge.cut").count()).toBe(1);
  });

  it("says of a healing event, asked with the keyboard, what was seen, done and chosen, and why nothing else", async () => {
    const entry = page.locator("#events li[data-kind=healing]", { hasText: "pump on heart-1 was unhealthy" });
    await entry.filter({ hasText: "went into quarantine" }).waitFor();
    expect(await entry.getAttribute("data-tone")).toBe("bad");
    await entry.locator("button.words").focus();
    await page.keyboard.press("Enter");
    const why = entry.locator(".case");
    await why.waitFor();
    expect(await entry.locator("button.words").getAttribute("aria-expanded")).toBe("true");
    const text = await why.innerText();
    expect(text).toMatch(/seen\s[\s\S]*done\s[\s\S]*chosen\s[\s\S]*not\s[\s\S]*then\s/);
    expect(text).toContain("restart in its process did not help after");
    expect(text).toContain("graceful restart (attempt 4) did not help after");
    expect(text).toContain("quarantine: 4 attempts did not help");
    expect(text).toContain(MARKUP);
    await page.keyboard.press("Enter");
    expect(await why.isVisible()).toBe(false);
  });

  it("tells the story of a service and of a node", async () => {
    const about = await details(page, "pump");
    const story = about.locator(".story summary", { hasText: "pump on heart-1 was unhealthy" });
    await story.click();
    await about.locator(".rest", { hasText: "It was put into quarantine" }).waitFor();
    await (await details(page, "deputy")).locator(".story .note", { hasText: "Nothing is known" }).waitFor();
    const button = page.getByRole("button", { name: "Story of lungs-1" });
    await button.click();
    await page.locator("#node-story", { hasText: "Nothing is known of any failure of lungs-1" }).waitFor();
    await button.click();
    expect(await page.locator("#node-story").isVisible()).toBe(false);
  });

  it("releases from quarantine", async () => {
    const stranger = await browser.open();
    const seen = await details(stranger, "pump");
    await seen.getByRole("button", { name: "Release", exact: true }).click();
    await seen.locator(".outcome", { hasText: "open the address with the token" }).waitFor();
    await stranger.context().close();
    rmSync(ill());
    const about = await details(page, "pump");
    await about.getByRole("button", { name: "Release", exact: true }).click();
    await about.locator(".outcome", { hasText: "pump is healthy after" }).waitFor();
    await about.getByRole("button", { name: "Release", exact: true }).waitFor({ state: "hidden" });
    await row("user").locator(".word", { hasText: "healthy" }).waitFor();
    expect(await row("user").locator(".without").innerText()).toBe("");
    expect(await page.locator(".graph .edge.cut").count()).toBe(0);
  });

  it("names open circuits, and links to them from its head", async () => {
    const guest = await organism.join();
    for (let i = 0; i < 5; i++) await guest.call("shop.sell");
    const line = page.locator(".warnings > li", { hasText: "shop → ledger.add on heart-1: open, 3 failures in a row" });
    await line.waitFor();
    expect(await line.innerText()).toContain(MARKUP);
    await line.locator("summary").click();
    await line.locator("li", { hasText: "Calls are refused at once since" }).waitFor();
    await page.locator("#warned a[href='#warnings']").waitFor();
    await organism.post("/orchestrator/restart/ledger");
    await line.filter({ hasText: /^\W*no longer: shop → ledger.add/ }).waitFor();
    await page.locator("#warned a[href='#warnings']").waitFor({ state: "detached" });
  });

  it("brings a service back that was failed over", async () => {
    const failover = { id: "page-1", service: "ledger", actionType: "failover" };
    expect(await organism.post("/orchestrator/heal", failover)).toMatchObject({ body: { success: true } });
    await page.locator("#events .words", { hasText: "ledger: failover was asked for; it helped after" }).waitFor();
    const about = await details(page, "ledger");
    await about.locator(".why", { hasText: "it was failed over: deputy takes its calls" }).waitFor();
    await about.getByRole("button", { name: "Release", exact: true }).click();
    await about.locator(".outcome", { hasText: "ledger is healthy after" }).waitFor();
    expect(await about.getByRole("button", { name: "Release", exact: true }).isVisible()).toBe(false);
  });

  it("names what will break with the time left, and why it is thought so", async () => {
    for (const viewport of [DESKTOP, PHONE]) {
      const warned = await browser.open("/", viewport, (opened) =>
        opened.route("**/orchestrator/heal/forecasts", (route) =>
          route.fulfill({ json: { predictive: "off", warnings: [LEAK], failures: [], remark: null } }),
        ),
      );
      const line = warned.locator(".warnings > li", { hasText: "heart-1 is leaking: out of memory in about 6 min" });
      await line.waitFor();
      await line.locator("summary").click();
      expect(await line.locator("ul > li").allInnerTexts()).toEqual([
        ...LEAK.evidence,
        "Whether it is healed before it breaks, AZORA_HEALING_PREDICTIVE says: off.",
      ]);
      expect(await sideways(warned)).toBeLessThanOrEqual(0);
      await warned.context().close();
    }
  });

  it("says quietly that the healer is away", async () => {
    await organism.post("/orchestrator/stop/auto-healer");
    const about = await details(page, "user");
    await about
      .locator(".story .note", { hasText: "The healer is away; the story goes on when it is back." })
      .waitFor();
  });

  it("made no markup of what services say, and reported no error in the browser's console", async () => {
    expect(await page.locator("main b, main img").count()).toBe(0);
    expect(await page.title()).not.toBe("injected");
    expect(browser.faults).toEqual([]);
  });
});
