import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWiderThanWindow, launchBrowser, openPage } from './browser.ts';
import { type RunningStack, startStack } from './running-stack.ts';

/** Set by `npm run screenshots`. */
const FOLDER = process.env.SCREENSHOTS;

const BOT_ADDED = 'im.chat.member.bot.added_v1';
const FAILING_HANDLER = `import { onEvent } from '#feishu-events';

interface Greeting {
  text: string;
}

const greetings = new Map<string | undefined, Greeting>();

export default onEvent('${BOT_ADDED}', ({ name }, { log }) => {
  log.info('The bot was added to a chat', { name });
  return void greetings.get(name)!.text;
});
`;
const SAMPLES: [type: string, variant?: string][] = [
  ['contact.user.created_v3'],
  ['out_approval'],
  ['card.action.trigger'],
  ['im.message.receive_v1', 'image'],
  ['message'],
  ['im.message.receive_v1'],
  [BOT_ADDED],
];
const longTimeout = { timeout: 180_000 };

describe('The screenshots of the inspector', () => {
  let browser: Browser;
  let stack: RunningStack;

  beforeAll(async () => {
    [browser, stack] = await Promise.all([launchBrowser(), startStack({ [`v2/${BOT_ADDED}.ts`]: FAILING_HANDLER })]);
    for (const [type, variant] of SAMPLES) {
      const response = await fetch(`${stack.pageUrl}_inspector/send`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'sample', type, variant }),
      });
      expect(await response.json()).toMatchObject({ status: 200 });
    }
  });
  afterAll(async () => {
    await browser.close();
    await stack[Symbol.asyncDispose]();
  });

  it.each<[string, BrowserContextOptions]>([
    ['inspector-light', {}],
    ['inspector-chinese', { locale: 'zh-CN' }],
  ])('%s shows a failed event with its error and the position in the source', async (name, options) => {
    await using opened = await openPage(browser, stack.pageUrl, { deviceScaleFactor: 1.5, ...options });
    const { page } = opened;
    await page.locator('#events').getByRole('option').filter({ hasText: BOT_ADDED }).first().click();
    await page.locator('.frame-own').first().waitFor(longTimeout);
    expect(await textOf(page, '.frame-own')).toContain(`functions/handlers/v2/${BOT_ADDED}.ts:11`);
    expect(await textOf(page, '.failure-message')).toContain('TypeError');
    expect(await textOf(page, '.log')).toContain('The bot was added to a chat');
    expect(await isWiderThanWindow(page)).toBe(false);
    await takeScreenshot(page, name);
  });
});

function textOf(page: Page, selector: string): Promise<string> {
  return page.locator(selector).first().innerText();
}

async function takeScreenshot(page: Page, name: string): Promise<void> {
  const image = await page.screenshot();
  if (FOLDER === undefined) return;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(path.join(FOLDER, `${name}.png`), image);
}
