import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWiderThanWindow, launchBrowser, openPage } from './browser.ts';
import { type RunningStack, startStack } from './running-stack.ts';

const EXTENSIONS = `functions:
  daily:
    handler: functions/daily.handler
    timeout: 600
    events:
      - schedule: rate(1 day)
      - schedule: { rate: cron(0 8 * * ? *), enabled: false, input: { fail: true } }
`;
const DAILY = `export const handler = async (event: { fail?: boolean }) => {
  console.log('counting');
  if (event.fail) throw new Error('There is nothing to count');
  return { counted: 3 };
};
`;

describe('The list of scheduled functions', () => {
  let browser: Browser;
  let stack: RunningStack;
  beforeAll(async () => {
    [browser, stack] = await Promise.all([
      launchBrowser(),
      startStack({}, { 'extensions.yml': EXTENSIONS, 'functions/daily.ts': DAILY }),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await stack[Symbol.asyncDispose]();
  });

  it('runs a function with each schedule, and shows the result, the error and the log', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    await page.getByRole('button', { name: 'Scheduled functions' }).click();
    const list = page.getByRole('dialog', { name: 'Scheduled functions' });
    const daily = list.getByRole('region', { name: 'daily' });
    await daily.getByText('Not run yet').waitFor();
    await daily.getByText('disabled').waitFor();

    await daily.getByRole('button', { name: 'Run daily: rate(1 day)' }).click();
    await daily.getByText('Result: {"counted":3}').waitFor();
    await daily.getByText('returned after').waitFor();
    await daily.getByText('Logs').click();
    await daily.getByText('counting', { exact: true }).waitFor();

    await daily.getByRole('button', { name: 'Run daily: cron(0 8 * * ? *)' }).click();
    await daily.getByText('failed after').waitFor();
    expect(await daily.innerText()).toMatch(/There is nothing to count\n.*functions\/daily\.ts:3/);
    expect(await isWiderThanWindow(page)).toBe(false);

    await list.getByRole('button', { name: 'Close' }).click();
    await list.waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('button', { name: 'Scheduled functions' }).click();
    await daily.getByText('failed after').waitFor();
    expect(opened.problems).toEqual([]);
  });

  it('is in Chinese in a Chinese browser, and fits a small screen', async () => {
    await using opened = await openPage(browser, stack.pageUrl, {
      locale: 'zh-CN',
      viewport: { width: 320, height: 600 },
    });
    const { page } = opened;
    await page.getByRole('button', { name: '定时函数' }).click();
    const list = page.getByRole('dialog', { name: '定时函数' });
    await list.getByRole('button', { name: '运行 daily：rate(1 day)' }).click();
    await list.getByText('运行成功').waitFor();
    const { width = 0, x = 0 } = (await list.boundingBox()) ?? {};
    expect(x + width).toBeLessThanOrEqual(320);
    expect(await isWiderThanWindow(page)).toBe(false);
    expect(opened.problems).toEqual([]);
  });
});
