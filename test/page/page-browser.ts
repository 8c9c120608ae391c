import { type Browser, chromium, type Page } from "playwright-core";
import type { TestOrganism } from "../support/organism.ts";

const CHROMIUM = "/usr/bin/chromium";
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
/** Must be shown as the text that it is, wherever it comes from. */
export const MARKUP = `<img src=x onerror="document.title='injected'"><b>bold</b>`;
/** What a browser itself reports of an orchestrator that is away, or of a refused command. */
const NETWORK_NOISE = /WebSocket connection|Failed to load resource/;

/** Opens the page of an organism, and keeps what browsers report as wrong with it. */
export class PageBrowser {
  readonly faults: string[] = [];
  readonly #browser: Browser;
  readonly #organism: TestOrganism;

  constructor(browser: Browser, organism: TestOrganism) {
    this.#browser = browser;
    this.#organism = organism;
  }

  static async launch(organism: TestOrganism): Promise<PageBrowser> {
    return new PageBrowser(await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS }), organism);
  }

  /** Resolves once the page is live and shows services. */
  async open(path = "/", viewport = DESKTOP, before?: (page: Page) => Promise<unknown>): Promise<Page> {
    const context = await this.#browser.newContext({ viewport });
    context.setDefaultTimeout(15_000);
    const opened = await context.newPage();
    opened.on("pageerror", (error) => this.faults.push(String(error.stack)));
    opened.on("console", (message) => {
      const problem = message.type() === "error" || message.type() === "warning";
      if (problem && !NETWORK_NOISE.test(message.text())) this.faults.push(message.text());
    });
    await before?.(opened);
    await opened.goto(`http://127.0.0.1:${this.#organism.port}${path}`);
    await opened.locator("body[data-stream=live]").waitFor();
    await opened.locator("tr.service").first().waitFor();
    return opened;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Opens the details of a service, if they are not open. */
export async function details(on: Page, name: string) {
  const row = on.locator("tbody", { has: on.getByRole("button", { name, exact: true }) });
  if ((await row.locator(".name").getAttribute("aria-expanded")) !== "true") await row.locator(".name").click();
  await row.locator(".details").waitFor();
  return row.locator(".details");
}

/** By how much the page is wider than its window, px. */
export function sideways(on: Page): Promise<number> {
  return on.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}
