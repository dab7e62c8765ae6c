import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Paths on Debian and similar systems; `CHROMIUM` overrides them. */
const EXECUTABLES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Generous, so that no test depends on the machine's speed. */
const TIMEOUT_MILLISECONDS = 180_000;

const QUIET_FLAGS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

/** @throws {Error} if no Chromium is installed */
export function launchBrowser(): Promise<Browser> {
  const executablePath = EXECUTABLES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) {
    throw new Error('Chromium not found. Run apt-get install chromium, or set CHROMIUM to its path.');
  }
  // Chromium's sandbox needs privileges that containers lack.
  return chromium.launch({ executablePath, headless: true, args: [...QUIET_FLAGS, '--no-sandbox'] });
}

export interface OpenPage extends AsyncDisposable {
  page: Page;
  /** Console errors and warnings, uncaught exceptions, and requests to other hosts. */
  problems: string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MILLISECONDS);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(url) && !address.startsWith('data:')) problems.push(`requested ${address}`);
  });
  await page.goto(url);
  return { page, problems, [Symbol.asyncDispose]: () => context.close() };
}

/** Returns whether the page scrolls horizontally. */
export function isWiderThanWindow(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}

/** Returns whether the page scrolls vertically. Only its parts should. */
export function isHigherThanWindow(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollHeight > document.documentElement.clientHeight');
}

/** Returns what axe finds, each as rule, elements and reason. */
export async function findAccessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
}
