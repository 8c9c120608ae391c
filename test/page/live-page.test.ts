import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";
import { SYSTEMS } from "../../models/metrics.ts";
import { describeWith } from "../support/needs.ts";
import { TestOrganism } from "../support/organism.ts";
import { DESKTOP, details, MARKUP, PageBrowser, PHONE, sideways } from "./page-browser.ts";
import { StrainedOrganism } from "./strained-organism.ts";

jest.setTimeout(40_000);

describeWith("chromium", "the live page", () => {
  let organism: TestOrganism;
  let browser: PageBrowser;
  let page: Page;

  beforeAll(async () => {
    organism = await TestOrganism.create();
    const [{ code, out, err }, launched] = await Promise.all([organism.cli("up", "-d"), PageBrowser.launch(organism)]);
    browser = launched;
    if (code !== 0) throw new Error(`azora up ended with ${code}\n${out}\n${err}`);
    page = await browser.open();
  });
  afterAll(async () => {
    await browser?.close();
    await organism?.down();
  });

  const newestBlock = async () =>
    (await organism.get<{ height: number; hash: string }[]>("/api/chain/blocks?limit=1"))[0]!;
  const events = (on = page) => on.locator("#events li");

  it("shows every node and service healthy, in words", async () => {
    const { nodes, services } = await organism.untilHealthy();
    await page.locator("h1", { hasText: "healthy" }).waitFor();
    expect(await page.locator(".vital .why").textContent()).toBe("all services are healthy");
    const shown = await page.locator(".node h3").allInnerTexts();
    expect(shown.map((text) => text.split(/\s+/).filter(Boolean))).toEqual(nodes.map(({ id }) => [id, "●up"]));
    const rows = await page.locator("tr.service .mark .word").allInnerTexts();
    expect(rows).toEqual(Array(services["total"]).fill("healthy"));
    const graph = await page.locator(".graph .box").evaluateAll((boxes) => boxes.map((box) => box.ariaLabel));
    expect(graph).toContain("user-management, healthy");
    expect(graph).toHaveLength(services["total"]!);
  });

  it("tells how the record stands, with each block as it is sealed", async () => {
    const record = page.locator("#record");
    await record.locator(".why", { hasText: "every entry is signed and witnessed" }).waitFor();
    const before = await newestBlock();
    await organism.cli("chain", "log", "shop.opened", "{}", "--wait", "checkpointed");
    await page.waitForFunction(
      (hash) => document.querySelector<HTMLElement>("#record .hash")!.title !== hash,
      before.hash,
    );
    const [height, title, text] = await record.evaluate((root) => {
      const hash = root.querySelector<HTMLElement>(".hash")!;
      return [Number(root.querySelectorAll("dd")[1]!.innerText), hash.title, hash.innerText];
    });
    const { hash } = await organism.get<{ hash: string }>(`/api/chain/blocks/${height}`);
    expect([title, text]).toEqual([hash, `${hash.slice(0, 12)}…`]);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });

  it("tells how the load is borne, and which services take most time", async () => {
    for (let i = 0; i < 30; i++) await fetch(`http://127.0.0.1:${organism.gatewayPort}/api/users`);
    const strip = page.locator("#performance");
    await strip.locator(".slow a", { hasText: "user-management" }).waitFor();
    expect(await strip.locator(".why").innerText()).toMatch(/calls are answered in time, and none is refused|slower/);
    const facts = Object.fromEntries(
      await strip
        .locator(".facts div")
        .evaluateAll((all) => all.map((one) => [one.children[0]!.textContent, one.children[1]!.textContent])),
    );
    expect(facts["refused"]).toBe("0");
    expect(facts["half within"]).toMatch(/^\d.* ms$/);
    expect(await strip.locator(".slow .on").allInnerTexts()).toContainEqual(expect.stringMatching(/own work \d+\s%/));
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });

  it("tells how harmony stands, of what it is made, and how the seven systems are", async () => {
    const dial = page.locator(".dial:not([data-tone=off])");
    await dial.waitFor();
    expect(await dial.getAttribute("aria-label")).toMatch(/^Harmony \d+ of 100, [a-z ]+, confidence \d+\s%$/);
    const { score } = await organism.get<{ score: number }>("/api/organism/harmony");
    expect(Math.abs(Number(await dial.locator(".score").innerText()) - score)).toBeLessThan(15);
    const strip = page.locator("#harmony");
    expect(await strip.locator(".why").innerText()).toMatch(/systems (that are there )?are well|\w+ costs most/);
    expect(await strip.locator(".systems h3").allInnerTexts()).toEqual([...SYSTEMS]);
    for (const number of await strip.locator(".systems .number").allInnerTexts())
      expect(number).toMatch(/^(–|\d+(\s%)?)$/);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
  });

  it("says what costs harmony, what rules do about it and what is wrong, in words, and moves nothing meanwhile", async () => {
    const strained = new StrainedOrganism();
    const shown = await browser.open("/", DESKTOP, (opened) => strained.instead(opened));
    const strip = shown.locator("#harmony");
    await strip.locator(".words", { hasText: "strained: brain costs most; rules are at work" }).waitFor();
    await strip.locator("button").waitFor();
    const said = async (part: number) =>
      (await strip.locator(".more > div").nth(part).innerText()).split(/\s*\n\s*/).join("\n");
    expect(await said(0)).toMatch(
      /^Costs most\n−10\.\d\nload of brain is 9\d.*%.*\n−10\.\d\nload of heart is 81 %\n\+15\.2\nGive brain a node$/,
    );
    expect(await said(1)).toMatch(
      /Calm the brain[\s\S]*brain runs 20 calls at once instead of 16; brain\.load 97 → 93, which is better\n◌\nTried\nin the shadow/,
    );
    expect(await said(2)).toMatch(/◐\nbrain is full[\s\S]*○\nthe disk is full\n.*ada is at it/);
    expect(await shown.locator("#warned a").innerText()).toBe("1 alert");
    expect(await strip.locator(".systems li").nth(SYSTEMS.indexOf("muscles")).innerText()).toMatch(
      /health\n–\nload\n–/,
    );
    expect(await strip.locator("b, img").count()).toBe(0);
    const moved = await shown.evaluate(async () => {
      const boxes = () =>
        [...document.querySelectorAll("#harmony *")].map((one) => JSON.stringify(one.getBoundingClientRect()));
      const before = boxes();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      return boxes().filter((box, index) => box !== before[index]);
    });
    expect(moved).toEqual([]);
    await strip.locator("button").click();
    await strip.locator("button").waitFor({ state: "hidden" });
    expect(strained.acknowledged).toEqual(["a-1"]);
    await shown.setViewportSize(PHONE);
    expect(await sideways(shown)).toBeLessThanOrEqual(0);
    await shown.context().close();
  });

  it("filters and sorts the services", async () => {
    const names = () => page.locator("tr.service .name").allInnerTexts();
    await page.fill("#service-filter", "heart-1 critical");
    expect(await names()).toEqual(["azora-core", "azora-database", "user-management"]);
    await page.locator("thead").getByRole("button", { name: "service" }).click();
    await page.locator("thead").getByRole("button", { name: "service" }).click();
    expect(await page.locator("th[aria-sort=descending]").innerText()).toContain("service");
    expect(await names()).toEqual(["user-management", "azora-database", "azora-core"]);
    await page.fill("#service-filter", "");
    await page.locator("thead").getByRole("button", { name: "status" }).click();
  });

  it("tells why a service is as it is, and how it answered", async () => {
    const about = await details(page, "user-management");
    await about.locator("figcaption", { hasText: /health answers?, all healthy; slowest/ }).waitFor();
    expect(await about.locator(".why").innerText()).toBe("healthy: its instance is healthy");
    expect(await about.locator(".list").innerText()).toMatch(
      /needs\s+azora-database[\s\S]*healthy on heart-1, pid \d+, life \d/,
    );
  });

  it("walks the graph with the arrow keys and lights the neighbours", async () => {
    await page.locator(".graph .box[aria-label^=user-management]").focus();
    await page.locator("#graph .caption", { hasText: "user-management (healthy) needs azora-database" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    expect(await page.evaluate(() => document.activeElement?.ariaLabel)).not.toContain("user-management");
    await page.locator(".graph .box[aria-label^=azora-database]").focus();
    expect(await page.locator(".graph .box.lit").count()).toBe(2);
    expect(await page.locator(".graph .edge.lit").count()).toBe(1);
  });

  it("shows without a reload how a killed node is healed", async () => {
    await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
    process.kill(await organism.pid("heart-1"), "SIGKILL");
    const healed =
      /^\s*\d\d:\d\d:\d\d\s*✚\s*heart-1 crashed; its process was started again and carries all its services after/;
    await events().filter({ hasText: healed }).first().waitFor();
    await events()
      .filter({ hasText: "azora-core, azora-database and user-management started on heart-1" })
      .first()
      .waitFor();
    await page.locator("#node-heart-1 .process", { hasText: /life [2-9]/ }).waitFor();
    await page.locator("h1", { hasText: "healthy" }).waitFor();
    expect(await page.evaluate(() => "loadedOnce" in window)).toBe(true);
  });

  it("connects again by itself when the orchestrator was killed, and keeps the last picture meanwhile", async () => {
    const before = await organism.status();
    process.kill(await organism.pid("nervous-1"), "SIGKILL");
    await page.locator("body[data-stream=reconnecting]").waitFor();
    expect(await page.locator("#stream").innerText()).toContain("reconnecting");
    expect(await page.locator(".node").count()).toBe(before.nodes.length);
    await page.locator("body[data-stream=live]").waitFor();
    await events()
      .filter({ hasText: `A new orchestrator took over; what ran was kept running (epoch ${before.epoch + 1})` })
      .waitFor();
    await organism.untilHealthy();
    expect(await page.evaluate(() => "loadedOnce" in window)).toBe(true);
  });

  it("says how to get the right to act, and restarts a service with it", async () => {
    const refused = await details(page, "user-management");
    await refused.getByRole("button", { name: "Restart", exact: true }).click();
    await refused.locator(".outcome", { hasText: "open the address with the token that “azora up” printed" }).waitFor();

    const trusted = await browser.open(`/?token=${organism.token}`);
    expect(trusted.url()).toBe(`http://127.0.0.1:${organism.port}/`);
    const about = await details(trusted, "user-management");
    await about.getByRole("button", { name: "Restart", exact: true }).click();
    await about.locator(".outcome", { hasText: /user-management is healthy after \d/ }).waitFor();
    await events(trusted).filter({ hasText: "user-management started on heart-1" }).first().waitFor();

    await about.getByRole("button", { name: "Stop", exact: true }).click();
    await about.getByRole("button", { name: "Really stop user-management?" }).click();
    await about.locator(".outcome", { hasText: "user-management is stopped" }).waitFor();
    await about.getByRole("button", { name: "Start", exact: true }).click();
    await about.locator(".outcome", { hasText: "user-management is healthy" }).waitFor();
    await trusted.context().close();
  });

  it("filters the log by the request id in a line", async () => {
    const answer = await fetch(`http://127.0.0.1:${organism.gatewayPort}/health`);
    const requestId = answer.headers.get("x-request-id")!;
    await page.locator("#log").scrollIntoViewIfNeeded();
    await page.locator("#log a.request", { hasText: requestId }).first().click();
    expect(await page.inputValue("#log-request")).toBe(requestId);
    await page.waitForFunction((id) => {
      const lines = [...document.querySelectorAll(".lines li")];
      return lines.length > 0 && lines.every((line) => line.textContent?.includes(id));
    }, requestId);
    await page.fill("#log-request", "");
    await page.locator("#log a.request", { hasText: requestId }).first().click();
    expect(await page.inputValue("#log-request")).toBe(requestId);
    await page.fill("#log-request", "");
    await page.selectOption("#log-level", "warn");
    await page.waitForFunction(() => {
      const levels = [...document.querySelectorAll(".lines .level")].map((level) => level.textContent);
      return levels.length > 0 && !levels.includes("info");
    });
    await page.selectOption("#log-level", "");
  });

  it("shows markup in names and log lines as text", async () => {
    const time = new Date().toISOString();
    const line = {
      time,
      level: "info",
      node: MARKUP,
      source: MARKUP,
      message: MARKUP,
      requestId: MARKUP,
      fields: { MARKUP },
    };
    const hostile = await browser.open("/", DESKTOP, async (opened) => {
      await opened.route("**/orchestrator/services", async (route) => {
        const response = await route.fetch();
        const [first, ...rest] = (await response.json()) as { metadata: { name: string } }[];
        await route.fulfill({
          response,
          json: [{ ...first, metadata: { ...first!.metadata, name: MARKUP } }, ...rest],
        });
      });
    });
    appendFileSync(join(organism.env["AZORA_LOG_DIR"]!, "hostile.log"), `${JSON.stringify(line)}\n`);
    await hostile.locator("#log").scrollIntoViewIfNeeded();
    await hostile.locator(".lines .message", { hasText: MARKUP }).first().waitFor();
    await hostile.locator("tr.service .name", { hasText: MARKUP }).waitFor();
    expect(await hostile.locator("#services b, #services img, #nodes b, #nodes img, #log b, #log img").count()).toBe(0);
    expect(await hostile.title()).not.toBe("injected");
    await hostile.context().close();
  });

  it("asks for nothing while it is hidden, and is up to date when it is seen again", async () => {
    const seen = await browser.open();
    const hide = (hidden: boolean) =>
      seen.evaluate((value) => {
        Object.defineProperty(document, "hidden", { configurable: true, value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await seen.locator("#log").scrollIntoViewIfNeeded();
    await seen.locator(".lines li").first().waitFor();
    await hide(true);
    await seen.waitForTimeout(100);
    const asked: string[] = [];
    seen.on("request", (request) => asked.push(request.url()));
    await seen.waitForTimeout(2200);
    expect(asked).toEqual([]);
    await hide(false);
    await seen.waitForRequest(/orchestrator\/logs/);
    await seen.context().close();
  });

  it("builds nothing anew while nothing changes in the organism", async () => {
    await page.evaluate(() => scrollTo(0, 0));
    const built = () =>
      page.evaluate(async () => {
        const found: string[] = [];
        const observer = new MutationObserver((mutations) => {
          for (const node of mutations.flatMap(({ addedNodes }) => [...addedNodes]))
            if (node instanceof Element) found.push(node.outerHTML);
        });
        observer.observe(document.body, { childList: true, subtree: true });
        await new Promise((resolve) => setTimeout(resolve, 1500));
        observer.disconnect();
        return found;
      });
    // It is told each second how the organism is. What was done to it before may still show in its harmony.
    let made = await built();
    for (let looks = 1; made.length > 0 && looks < 10; looks++) made = await built();
    expect(made).toEqual([]);
  });

  it("never scrolls sideways, neither on a desktop nor on a phone", async () => {
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    const phone = await browser.open("/", PHONE);
    await details(phone, "user-management");
    expect(await sideways(phone)).toBeLessThanOrEqual(0);
    await phone.context().close();
  });

  it("has reported no error in the browser's console", () => {
    expect(browser.faults).toEqual([]);
  });
});
